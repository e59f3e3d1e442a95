import sharp from "sharp";
import { expect, test } from "vitest";
import type { Picture } from "./picture.ts";
import { renderPreview } from "./preview.node.ts";

function filled(width: number, height: number, colour: readonly [number, number, number, number]): Picture {
  return { width, height, rgba: Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => colour[i % 4]!) };
}

async function decode(png: Uint8Array) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray(4 * (y * info.width + x), 4 * (y * info.width + x) + 4)];
  return { ...info, at };
}

test("renderPreview: input left, features right, a clear gutter between", async () => {
  const image = await decode(
    await renderPreview({ input: filled(64, 32, [255, 0, 0, 255]), features: filled(16, 8, [0, 0, 255, 255]) }),
  );
  expect([image.width, image.height, image.channels]).toEqual([640 + 12 + 640, 320, 4]);
  expect(image.at(0, 0)).toEqual([255, 0, 0, 255]);
  expect(image.at(639, 319)).toEqual([255, 0, 0, 255]);
  expect(image.at(645, 100)[3]).toBe(0);
  expect(image.at(652, 0)).toEqual([0, 0, 255, 255]);
  expect(image.at(1291, 319)).toEqual([0, 0, 255, 255]);
});

test("renderPreview: a large scene is at most 2000 pixels wide, and nodata stays clear", async () => {
  const input = filled(2400, 1200, [10, 20, 30, 255]);
  for (let i = 0; i < 2400 * 600; i++) input.rgba[4 * i + 3] = 0;
  const image = await decode(await renderPreview({ input, features: filled(375, 187, [200, 100, 0, 255]) }));
  expect([image.width, image.height]).toEqual([2000, 497]);
  expect(image.at(500, 100)[3]).toBe(0);
  expect(image.at(500, 400)).toEqual([10, 20, 30, 255]);
});

test("renderPreview: few features are shown as the cells that they are", async () => {
  const features = filled(2, 2, [0, 0, 0, 255]);
  features.rgba[0] = 255;
  const image = await decode(await renderPreview({ input: filled(64, 64, [9, 9, 9, 255]), features }));
  expect(image.at(652 + 319, 319)).toEqual([255, 0, 0, 255]);
  expect(image.at(652 + 320, 319)).toEqual([0, 0, 0, 255]);
});

test("renderPreview: a strip of one pixel by a thousand is drawn", async () => {
  const image = await decode(
    await renderPreview({ input: filled(1, 1000, [1, 2, 3, 255]), features: filled(1, 125, [1, 2, 3, 255]) }),
  );
  expect(image.height).toBe(2560);
});

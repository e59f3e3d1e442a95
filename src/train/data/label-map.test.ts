import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { augment, type Recipe } from "./augment.ts";
import { keepPlace } from "./kept-place.ts";
import { decodeLabels, ignoredLabel, type LabelCoding } from "./label-map.ts";
import { createLoader } from "./loader.node.ts";
import { chooseScaledCrop } from "./scaled-crop.ts";

const coding: LabelCoding = {
  values: [
    [0, 0],
    [7, 1],
    [255, ignoredLabel],
  ],
  colours: [
    [0xff0000, 0],
    [0x0000ff, 1],
  ],
};
const mask = (data: number[], bands = 1) => ({ data, bands, height: 1, width: data.length / bands });

test("decodeLabels: values, grey colours and colours become classes", () => {
  expect([...decodeLabels(mask([0, 7, 255, 7]), coding, { file: "m.png" }).data]).toEqual([0, 1, 255, 1]);
  const grey = { ...coding, colours: [] };
  expect([...decodeLabels(mask([0, 7, 0, 7, 0, 7], 3), grey, { file: "m.png" }).data]).toEqual([0, 1]);
  expect([...decodeLabels(mask([255, 0, 0, 0, 0, 255], 3), coding, { file: "m.png" }).data]).toEqual([0, 1]);
});

test("decodeLabels: what is neither a class nor ignored is named with its file and place", () => {
  expect(() => decodeLabels(mask([0, 7, 3]), coding, { file: "m.png" })).toThrow(
    "the value 3 at column 2, row 0 of the mask is neither a class nor ignored (m.png). Say what the values of the masks mean, in the index or by --classes.",
  );
  expect(() => decodeLabels(mask([0, 255, 0], 3), coding, { file: "m.png" })).toThrow(
    "the colour #00ff00 at column 0",
  );
});

/** An image whose red value says row and column, and a mask that is the same. */
const side = 16;
function place() {
  const plane = Float32Array.from({ length: side * side }, (_, p) => p % 200);
  const data = new Float32Array(3 * plane.length);
  for (let b = 0; b < 3; b++) data.set(plane, b * plane.length);
  const kept = keepPlace({ hr: { data, shape: [1, 3, side, side], bands: ["R", "G", "B"] } });
  return { ...kept, labelMap: { data: Uint8Array.from(plane), height: side, width: side } };
}

test("augment: whatever crop and turn are drawn, labels stay with their pixels", () => {
  const recipe: Recipe = {
    sensors: { hr: { size: 8, bands: ["R"] } },
    crop: { scale: [1, 1] }, // at full resolution no pixel is interpolated
    flips: true,
    rotations: true,
  };
  for (let seed = 0; seed < 20; seed++) {
    const { hr, labelMap } = augment(place(), recipe, createRandom(seed));
    const image = hr!.data.map((x) => Math.round(x * 58.395 + 123.675));
    expect([...labelMap!]).toEqual(Array.from(image, (x) => x + 0));
  }
});

test("augment: a crop larger than the place is filled with the mean, which counts for nothing", () => {
  const recipe: Recipe = { sensors: { hr: { size: 32, bands: ["R", "G", "B"] } }, crop: { scale: [1, 1] } };
  const { hr, labelMap } = augment(place(), recipe, createRandom(1));
  for (let p = 0; p < 32 * 32; p++) {
    const inside = p % 32 < side && p / 32 < side;
    expect(labelMap![p]).toBe(inside ? (Math.floor(p / 32) * side + (p % 32)) % 200 : ignoredLabel);
    if (!inside) expect(Math.abs(hr!.data[p]!)).toBeLessThan(0.01);
  }
});

test("chooseScaledCrop: crops of one class are drawn again", () => {
  // Class 1 fills the right tenth: most crops see class 0 alone.
  const data = Uint8Array.from({ length: 100 * 100 }, (_, p) => (p % 100 >= 90 ? 1 : 0));
  const labels = { data, height: 100, width: 100 };
  const mixed = (maxShare?: number) => {
    let count = 0;
    for (let seed = 0; seed < 200; seed++) {
      const options = { side: 20, scale: [1, 1] as const, labels, ...(maxShare !== undefined && { maxShare }) };
      const { left } = chooseScaledCrop(createRandom(seed), [100, 100], options);
      if (left + 20 >= 95) count++; // at least a quarter is class 1
    }
    return count / 200;
  };
  expect(mixed()).toBeLessThan(0.15);
  // Ten draws of 6 in 81.
  expect(mixed(0.75)).toBeGreaterThan(0.4);
});

const folder = mkdtempSync(join(tmpdir(), "skysense-labels-"));
beforeAll(async () => {
  const png = (name: string, width: number, channels: 1 | 3, value: number) =>
    sharp(Buffer.alloc(width * 8 * channels, value), { raw: { width, height: 8, channels } })
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .png()
      .toFile(join(folder, name));
  await png("image.png", 8, 3, 100);
  await png("good.png", 8, 1, 7);
  await png("wide.png", 10, 1, 7);
  await png("unknown.png", 8, 1, 9);
});
afterAll(() => rmSync(folder, { recursive: true }));

const loaderOf = (mask: string, workers: number) =>
  createLoader({
    samples: [
      {
        id: "image.png",
        labels: [],
        source: { files: [join(folder, "image.png")] },
        labelMap: { file: join(folder, mask), coding },
      },
    ],
    classes: 0,
    batchSize: 2,
    seed: 1,
    workers,
    recipe: { sensors: { hr: { size: 8, bands: ["R", "G", "B"] } } },
  });

test.each([0, 1])("createLoader: masks come with their images, by %i threads", async (workers) => {
  const loader = loaderOf("good.png", workers);
  const { labelMaps } = await loader.batch(0);
  expect([...labelMaps!]).toEqual(Array.from({ length: 128 }, () => 1));
  await loader.close();
});

test("createLoader: a mask that does not fit its image, or is not understood, ends the run", async () => {
  const [wide, unknown] = [loaderOf("wide.png", 0), loaderOf("unknown.png", 0)];
  await expect(wide.batch(0)).rejects.toThrow(
    `the mask has 10 × 8 pixels, but its image has 8 × 8 (${join(folder, "wide.png")})`,
  );
  await expect(unknown.batch(0)).rejects.toThrow("the value 9 at column 0, row 0 of the mask");
  await wide.close();
  await unknown.close();
});

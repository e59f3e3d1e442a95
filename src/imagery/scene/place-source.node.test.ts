import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { openScene } from "./open-scene.node.ts";
import { readPlaceSource } from "./place-source.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-source-"));
afterAll(() => rmSync(folder, { recursive: true }));

const random = createRandom(2);
const [width, height] = [9, 7];
const pixels = (channels: 3 | 4) =>
  sharp(
    Uint8Array.from({ length: width * height * channels }, () => random.integer(256)),
    { raw: { width, height, channels } },
  );

async function write(name: string, image: Sharp): Promise<string> {
  const file = join(folder, name);
  await image.toFile(file);
  return file;
}

test("readPlaceSource: a picture in RGB is what a scene reads of it", async () => {
  for (const [name, image] of [
    ["rgb.png", pixels(3).png()],
    ["palette.png", pixels(3).png({ palette: true })],
    ["rgb.jpg", pixels(3).jpeg()],
    ["rgb.webp", pixels(3).webp()],
  ] as const) {
    const file = await write(name, image);
    const place = await readPlaceSource({ files: [file] });
    const scene = await openScene([file], { sensor: "hr", hrPixelsPerCell: 1 });
    const { hr } = await scene.read([0, 0, width, height]);
    await scene.close();
    expect(place.hr).toMatchObject({ shape: [1, 3, height, width], bands: ["R", "G", "B"] });
    expect(place.hr!.data, name).toEqual(hr!.data);
  }
});

test("readPlaceSource: pictures of one moment each are the dates of a place, as in a scene", async () => {
  const files = [await write("before.png", pixels(3).png()), await write("after.jpg", pixels(3).jpeg())];
  const options = { moments: [1, 1] };
  const { hr } = await readPlaceSource({ files, options });
  const scene = await openScene(files, { ...options, sensor: "hr", hrPixelsPerCell: 1 });
  const read = (await scene.read([0, 0, width, height])).hr!;
  await scene.close();
  expect(hr!.shape).toEqual([2, 3, height, width]);
  expect(hr!.data).toEqual(read.data);
  const small = await write("small.png", pixels(3).extract({ left: 0, top: 0, width: 5, height: 5 }).png());
  await expect(readPlaceSource({ files: [files[0]!, small], options })).rejects.toThrow("5 × 5 pixels do not fit");
});

test("readPlaceSource: transparency is dropped; 16 bits and grey are left to the scene", async () => {
  const place = await readPlaceSource({ files: [await write("rgba.png", pixels(4).png())] });
  expect(place.hr!.shape).toEqual([1, 3, height, width]);
  const wide = pixels(3).toColourspace("rgb16").png();
  await expect(readPlaceSource({ files: [await write("wide.png", wide)] })).rejects.toMatchObject({
    name: "SkySenseError",
  });
  const grey = pixels(3).toColourspace("b-w").png();
  await expect(readPlaceSource({ files: [await write("grey.png", grey)] })).rejects.toThrow(
    "it is not said which bands these are",
  );
});

test("readPlaceSource: a damaged and a missing picture are named", async () => {
  const file = join(folder, "damaged.jpg");
  writeFileSync(file, "no picture");
  await expect(readPlaceSource({ files: [file] })).rejects.toThrow(`the picture cannot be decoded (${file}).`);
  await expect(readPlaceSource({ files: [join(folder, "gone.png")] })).rejects.toThrow("the file does not exist");
});

test("readPlaceSource: images in memory and functions that read", async () => {
  const place = { location: { longitude: 1, latitude: 2 } };
  expect(await readPlaceSource({ place })).toBe(place);
  expect(await readPlaceSource({ read: async () => place })).toBe(place);
});

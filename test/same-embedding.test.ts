import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EncodeInput, embed, loadModel, type SkySense } from "../src/index.ts";
import { cli, temporaryFolder } from "./support/cli.ts";
import { difference, fractal, toBytes } from "./support/images.ts";
import { readFeatures, readVectors } from "./support/outputs.ts";
import { writeTestTiff } from "./support/write-geotiff.ts";

/** One image, whichever way it goes: rounding of float32 sums in another order. */
const roundingBound = 1e-5;

const s2Bands = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"];
const dates = ["2021-04-03", "2021-07-12", "2021-09-30"];

let model: SkySense;
beforeAll(() => {
  model = loadModel("tiny");
});
afterAll(() => model.release());

function hr(side: number, seed = 1) {
  const data = toBytes(fractal({ bands: 3, height: side, width: side }, { mean: 110, spread: 50, seed }));
  return { data, shape: [3, side, side] as const };
}

function s2(side: number, count = 1, seed = 2) {
  const parts = Array.from({ length: count }, (_, t) =>
    fractal({ bands: 10, height: side, width: side }, { mean: 1500, spread: 700, seed: seed + t }),
  );
  const data = Uint16Array.from(
    parts.flatMap((part) => Array.from(part)),
    (v) => Math.max(1, v),
  );
  return { data, shape: [count, 10, side, side] as const, dates: dates.slice(0, count) };
}

function s1(side: number, count = 1, seed = 3) {
  const parts = Array.from({ length: count }, (_, t) =>
    fractal({ bands: 2, height: side, width: side }, { mean: -13, spread: 3, seed: seed + t }),
  );
  const data = Float32Array.from(parts.flatMap((part) => Array.from(part)));
  return { data, shape: [count, 2, side, side] as const, dates: dates.slice(0, count) };
}

describe("encode", () => {
  test("encodeBatch: each place comes out as alone, among others of other sensors, sizes and dates", async () => {
    const location = { longitude: 11, latitude: 48 };
    const places: EncodeInput[] = [
      { hr: hr(64), location },
      { hr: hr(256, 5), s2: s2(8), s1: s1(8, 3), location },
      { s2: s2(12, 3) },
      { hr: hr(64, 9) },
      { s1: s1(7) },
      { s2: s2(12, 2, 8), s1: s1(12, 1, 4), location: { longitude: -60, latitude: -3 } },
    ];
    const together = await model.encodeBatch(places);
    for (const [i, place] of places.entries()) {
      const alone = await model.encode(place);
      expect(together[i]!.used).toEqual(alone.used);
      expect(difference(together[i]!.vector, alone.vector, alone.vector.length).relativeL2).toBeLessThan(
        roundingBound,
      );
      expect(difference(together[i]!.fused.data, alone.fused.data, 1).relativeL2).toBeLessThan(roundingBound);
      for (const [sensor, { data }] of Object.entries(alone.sensors)) {
        const other = together[i]!.sensors[sensor as "hr"]!.data;
        expect(difference(other, data, 1).relativeL2).toBeLessThan(roundingBound);
      }
    }
  });
});

describe("skysense embed", () => {
  test("an HR image through the command line is what encode gives, in vector and map", async () => {
    const folder = temporaryFolder();
    const image = hr(256);
    const path = `${folder}/image.png`;
    const pixels = Uint8Array.from(
      { length: 3 * 256 * 256 },
      (_, i) => image.data[(i % 3) * 65536 + Math.floor(i / 3)]!,
    );
    await sharp(pixels, { raw: { width: 256, height: 256, channels: 3 } })
      .png()
      .toFile(path);
    const expected = await model.encode({ hr: image });
    await checkOutputs([path], folder, expected, []);
  });

  test("Sentinel-2 and Sentinel-1 series with HR are what encode gives, through the command line and the library", async () => {
    const folder = temporaryFolder();
    const place = { hr: hr(256), s2: s2(8, 2), s1: s1(8, 3) };
    const grid = { epsg: 32632, origin: [600_000, 5_300_000] as const };
    const files = [
      writeTestTiff(`${folder}/aerial.tif`, {
        ...grid,
        data: place.hr.data,
        bands: 3,
        width: 256,
        height: 256,
        pixel: 80 / 256,
      }),
      writeTestTiff(`${folder}/s2.tif`, { ...grid, data: place.s2.data, bands: 20, width: 8, height: 8 }),
      writeTestTiff(`${folder}/s1.tif`, { ...grid, data: place.s1.data, bands: 6, width: 8, height: 8 }),
    ];
    const options = [
      "--s2.bands",
      s2Bands.join(),
      "--s2.dates",
      dates.slice(0, 2).join(),
      "--s1.dates",
      dates.join(),
    ];
    options.push("--s1.bands", "vvvh", "--s1.units", "dB", "--s2.units", "reflectance*10000", "--s1.check", "false");
    options.push("--s2.check", "false");
    // 40 m east and south of the corner.
    const location = { longitude: 10.3459, latitude: 47.8446 };
    const expected = await model.encode({ ...place, location });
    await checkOutputs(files, folder, expected, options);

    const out = `${folder}/library`;
    const { files: written } = await embed({
      inputs: files,
      out,
      model,
      dataType: "float32",
      s2: { bands: s2Bands, dates: dates.slice(0, 2), units: "reflectance*10000", check: false },
      s1: { bands: "vvvh", dates, units: "dB", check: false },
    });
    const { data } = await readFeatures(written.features!);
    expect(difference(data, expected.fused.data, 1).relativeL2).toBeLessThan(roundingBound);
  });
});

/** Run the command line and compare its vector and its dequantised map with what `encode` gave. */
async function checkOutputs(
  files: string[],
  folder: string,
  expected: Awaited<ReturnType<SkySense["encode"]>>,
  options: string[],
): Promise<void> {
  const out = `${folder}/out`;
  const run = await cli("embed", ...files, "--out", out, "--model", "tiny", "--window", "8", ...options);
  expect(run.stderr).not.toMatch(/^skysense:/m);
  expect(run.code).toBe(0);
  const [vector, ...more] = await readVectors(`${out}/embeddings.parquet`);
  expect(more).toEqual([]);
  expect(difference(vector!, expected.vector, expected.vector.length).relativeL2).toBeLessThan(roundingBound);

  // int8: off by half a step at most, and rounding.
  const { data, shape, steps } = await readFeatures(`${out}/features.tif`);
  expect(shape).toEqual(expected.fused.shape);
  const cells = shape[1] * shape[2];
  for (const [i, value] of data.entries()) {
    const step = steps[Math.floor(i / cells)]!;
    expect(Math.abs(value - expected.fused.data[i]!)).toBeLessThan(0.5 * step + 1e-4);
  }
}

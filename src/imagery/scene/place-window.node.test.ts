import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { writeTestTiff } from "../../../test/support/write-geotiff.ts";
import type { Window } from "../../core/grid.ts";
import type { ImageStack } from "../../core/place.ts";
import { createRandom } from "../../core/random.ts";
import { closeKeptScenes } from "./kept-scenes.node.ts";
import { type PlaceFiles, readPlaceSource } from "./place-source.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-window-"));
afterAll(async () => {
  await closeKeptScenes();
  rmSync(folder, { recursive: true });
});

const random = createRandom(5);
const [width, height] = [23, 17];

const s2 = writeTestTiff(join(folder, "s2_20200607.tif"), {
  data: Uint16Array.from({ length: 2 * width * height }, () => 300 + random.integer(3000)),
  ...{ bands: 2, width, height, epsg: 32_632, origin: [500_000, 5_000_000], names: ["B03", "B04"] },
});
const s1 = writeTestTiff(join(folder, "s1_20200608.tif"), {
  data: Float32Array.from({ length: 2 * width * height }, () => -20 + 10 * random.uniform()),
  ...{ bands: 2, width, height, epsg: 32_632, origin: [500_000, 5_000_000], names: ["VV", "VH"] },
});
const colours = {
  data: Uint8Array.from({ length: 3 * width * height }, () => random.integer(256)),
  ...({ bands: 3, width, height, epsg: 32_632, origin: [500_000, 5_000_000], pixel: 0.5 } as const),
};
const hr = writeTestTiff(join(folder, "hr.tif"), colours);
const floating = writeTestTiff(join(folder, "floating.tif"), { ...colours, epsg: undefined as never });
const picture = join(folder, "picture.png");
await sharp(colours.data.subarray(0, 3 * width * height), { raw: { width, height, channels: 3 } }).toFile(picture);

/** The same pixels, cut out of the whole by their positions. */
function cutOut({ data, shape }: ImageStack, [col, row, w, h]: Window): number[] {
  const [images, bands, , across] = shape;
  const [, , down] = shape;
  const out: number[] = [];
  for (let n = 0; n < images * bands; n++) {
    for (let y = row; y < row + h; y++) {
      for (let x = col; x < col + w; x++) out.push(data[(n * down + y) * across + x]!);
    }
  }
  return out;
}

const windows = fc
  .tuple(fc.integer({ min: 0, max: width - 1 }), fc.integer({ min: 0, max: height - 1 }))
  .chain(([col, row]) =>
    fc
      .tuple(fc.integer({ min: 1, max: width - col }), fc.integer({ min: 1, max: height - row }))
      .map(([w, h]): Window => [col, row, w, h]),
  );

const sources: Record<string, PlaceFiles> = {
  "Sentinel-2 and Sentinel-1": { files: [s2, s1] },
  "HR with georeference": { files: [hr] },
  "HR without georeference": { files: [floating], options: { sensor: "hr" } },
  "a picture": { files: [picture] },
};

test.each(Object.entries(sources))(
  "readPlaceSource: a patch of %s is the same cut of the whole",
  async (_, source) => {
    const whole = await readPlaceSource(source);
    await fc.assert(
      fc.asyncProperty(windows, async (window) => {
        const patch = await readPlaceSource({ ...source, window });
        for (const sensor of ["hr", "s2", "s1"] as const) {
          expect(patch[sensor]?.shape.slice(2)).toEqual(whole[sensor] && [window[3], window[2]]);
          if (patch[sensor] !== undefined) expect([...patch[sensor].data]).toEqual(cutOut(whole[sensor]!, window));
        }
      }),
      { numRuns: 20 },
    );
  },
);

test("readPlaceSource: a patch lies where its centre does", async () => {
  // The upper-left corner is on the central meridian of zone 32, 9° east; a degree of latitude is 111.1 km there.
  const left = await readPlaceSource({ files: [s2], window: [0, 0, 1, 1] });
  const lower = await readPlaceSource({ files: [s2], window: [0, 10, 1, 1] });
  expect(left.location!.longitude).toBeCloseTo(9 + 5 / 78_700, 5);
  expect(left.location!.latitude - lower.location!.latitude).toBeCloseTo(100 / 111_130, 6);
});

test("readPlaceSource: what has no georeference lies where it is said, and what has one where it is", async () => {
  const location = { longitude: 1, latitude: 2 };
  const window = [0, 0, 4, 4] as const;
  for (const file of [picture, floating]) {
    expect((await readPlaceSource({ files: [file], options: { sensor: "hr", location }, window })).location).toEqual(
      location,
    );
  }
  const { location: own } = await readPlaceSource({ files: [hr], options: { location }, window });
  expect(own!.longitude).toBeCloseTo(9, 3);
});

test("readPlaceSource: HR alone is read pixel by pixel, whatever a cell is beside Sentinel images", async () => {
  const place = await readPlaceSource({ files: [hr], options: { hrPixelsPerCell: 16 } });
  expect(place.hr!.shape).toEqual([1, 3, height, width]);
});

test("readPlaceSource: a patch outside of the place is named", async () => {
  for (const file of [picture, hr]) {
    await expect(readPlaceSource({ files: [file], window: [20, 0, 4, 4] })).rejects.toMatchObject({
      code: "WINDOW_OUTSIDE",
      where: file,
      what: "the window [20, 0, 4, 4] does not lie inside the 23 × 17 pixels of the place",
    });
  }
});

test("readPlaceSource: patches of one scene open its files once", async () => {
  const moved = join(folder, "moved.tif");
  await readPlaceSource({ files: [s2], window: [1, 1, 2, 2] });
  renameSync(s2, moved);
  try {
    await expect(readPlaceSource({ files: [s2], window: [2, 2, 2, 2] })).resolves.toBeDefined();
    await closeKeptScenes();
    await expect(readPlaceSource({ files: [s2], window: [3, 3, 2, 2] })).rejects.toThrow("no such file");
  } finally {
    renameSync(moved, s2);
  }
  await expect(readPlaceSource({ files: [s2], window: [3, 3, 2, 2] })).resolves.toBeDefined();
});

test("readPlaceSource: many scenes at once stay right, though few stay open", async () => {
  const files = Array.from({ length: 12 }, (_, i) =>
    writeTestTiff(join(folder, `s2_${i}.tif`), {
      data: new Uint16Array(2 * 16).map((_, p) => 300 + 20 * i + p),
      ...{ bands: 2, width: 4, height: 4, epsg: 32_632, names: ["B03", "B04"] },
    }),
  );
  const places = await Promise.all(
    [...files, ...files].map((file) => readPlaceSource({ files: [file], window: [1, 1, 1, 1] })),
  );
  expect(places.map(({ s2 }) => s2!.data[0])).toEqual([...files, ...files].map((_, i) => 305 + 20 * (i % 12)));
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { box, point, polygon, type TestFeature, writeGeoJson } from "../../../../test/support/vectors.ts";
import { writeTestTiff } from "../../../../test/support/write-geotiff.ts";
import { openBoxSet } from "./open-box-set.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-vector-boxes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [left, top] = [300_000, 4_000_000];
const image = writeTestTiff(join(folder, "plot.tif"), {
  data: new Uint8Array(3 * 200 * 100),
  ...{ bands: 3, width: 200, height: 100, epsg: 32611, origin: [left, top], pixel: 0.5 },
});
/** No border of blocks runs through the image. */
const oneBlock = 1e7;
/** From pixels to the world. */
const world = (ring: number[][]) => ring.map(([x, y]) => [left + x! / 2, top - y! / 2]);
const crown = (kind: string | null, ring: number[][]): TestFeature => ({
  properties: { kind },
  geometry: polygon(world(ring)),
});
const labels = (name: string, features: TestFeature[]) => writeGeoJson(join(folder, name), features, 32611);
const turned = [
  [50, 20],
  [66, 32],
  [60, 40],
  [44, 28],
  [50, 20],
];

test("openBoxSet: polygons become upright boxes, or the smallest turned ones, in pixels of their tile", async () => {
  const file = labels("crowns.geojson", [
    crown("oak", turned),
    crown("ash", box(110, 50, 130, 90)),
    crown("oak", box(-5, 95, 5, 120)),
  ]);
  const vectors = { labels: file, classField: "kind", blockMetres: oneBlock, tile: 100 };
  const upright = await openBoxSet(image, { oriented: false, vectors });
  expect(upright.classes).toEqual(["ash", "oak"]);
  expect(
    upright.items.map(({ id, boxes, labels, difficult }) => [id, [...boxes], [...labels], [...difficult]]),
  ).toEqual([
    ["plot.tif@0,0", [44, 20, 66, 40, 0, 95, 5, 100], [1, 1], [0, 1]],
    ["plot.tif@100,0", [10, 50, 30, 90], [0], [0]],
  ]);
  const { items } = await openBoxSet(image, { oriented: true, vectors });
  const [x, y, w, h, angle] = items[0]!.boxes;
  expect([x, y, w, h]).toEqual([55, 30, 20, 10].map((v) => expect.closeTo(v, 4)));
  expect(angle).toBeCloseTo(Math.atan2(12, 16), 5);
});

test("openBoxSet: an object on two tiles counts where seven tenths of it lie; points are no boxes", async () => {
  const stem = { properties: { kind: "oak" }, geometry: point(left + 5, top - 5) };
  const file = labels("cut.geojson", [crown("oak", box(92, 10, 102, 20)), stem, crown("ash", box(1, 1, 9, 9))]);
  const { items, notes } = await openBoxSet(image, {
    oriented: false,
    vectors: { labels: file, classField: "kind", blockMetres: oneBlock, tile: 100 },
  });
  expect(items.map(({ boxes, difficult }) => [[...boxes], [...difficult]])).toEqual([
    [
      [92, 10, 100, 20, 1, 1, 9, 9],
      [0, 0],
    ],
    [[0, 10, 2, 20], [1]],
  ]);
  expect(notes![0]).toBe(`${file}: 1 features are points, which have no extent, and were left out`);
  const only = labels("points.geojson", [stem]);
  await expect(openBoxSet(image, { oriented: false, vectors: { labels: only } })).rejects.toThrow(
    "the labels are points, but a detector learns from boxes",
  );
});

test("openBoxSet: boxes without extent are refused by the number of their feature, or left out", async () => {
  const file = labels("flat.geojson", [
    crown("oak", box(10, 10, 20, 20)),
    crown("oak", [
      [30, 30],
      [40, 30],
      [35, 30],
      [30, 30],
    ]),
  ]);
  const vectors = { labels: file, classField: "kind", blockMetres: oneBlock };
  await expect(openBoxSet(image, { oriented: false, vectors })).rejects.toThrow(
    /^feature 1 \(oak\) has no extent \(30 30 40 30\) \(.*flat\.geojson\)\. Correct it/,
  );
  const set = await openBoxSet(image, { oriented: false, vectors, badBoxes: "leave out" });
  expect(set.items.map(({ labels }) => labels.length)).toEqual([1]);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import proj4 from "proj4";
import { afterAll, expect, test } from "vitest";
import { box, point, polygon, type TestFeature, writeGeoJson } from "../../../../test/support/vectors.ts";
import { writeTestTiff } from "../../../../test/support/write-geotiff.ts";
import { drawLabels, ignoredLabel } from "../../../train/data/label-map.ts";
import { divideMasks } from "./mask-set.ts";
import { openMaskSet } from "./open-mask-set.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-vector-masks-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [left, top] = [500_000, 5_100_000];
/** An image in EPSG:32633 of pixels of a metre; `at` counts metres right and down of the first one. */
function image(name: string, [col, row]: [number, number], [width, height]: [number, number]): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  const data = new Uint8Array(3 * width * height).fill(90);
  return writeTestTiff(path, {
    data,
    bands: 3,
    width,
    height,
    epsg: 32633,
    origin: [left + col, top - row],
    pixel: 1,
  });
}
/** From metres right and down to longitude and latitude. */
const globe = ([x, y]: number[]) =>
  proj4("+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs", "EPSG:4326", [left + x!, top - y!]);
const onGlobe = (ring: number[][]) => ring.map(globe);
const parcel = (crop: string | null, ...rings: number[][][]): TestFeature => ({
  properties: { crop },
  geometry: polygon(...rings.map(onGlobe)),
});
const labels = (name: string, features: TestFeature[]) => writeGeoJson(join(folder, name), features);

image("scene/a.tif", [0, 0], [60, 40]);
const scene = join(folder, "scene");

test("openMaskSet: polygons in another CRS become label maps, as point in polygon says", async () => {
  const field = [
    [3.2, 4.1],
    [41.7, 2.3],
    [55.1, 30.8],
    [20.2, 36.9],
    [3.2, 4.1],
  ];
  const hole = box(20.4, 10.4, 30.6, 20.6);
  const file = labels("a.geojson", [parcel("rye", field, hole), parcel("maize", box(-20, 30.4, 10.6, 80))]);
  const set = await openMaskSet(scene, { vectors: { labels: file, classField: "crop", blockMetres: 1000 } });
  expect(set.classes.map(({ name }) => name)).toEqual(["maize", "rye"]);
  const [item] = set.items;
  expect([item!.id, item!.window, item!.split]).toEqual(["a.tif", [0, 0, 60, 40], undefined]);
  const inside = (ring: number[][], x: number, y: number) =>
    ring.slice(1).reduce((odd, [x2, y2], i) => {
      const [x1, y1] = ring[i] as [number, number];
      return y1 > y !== y2! > y && x < ((x2! - x1) * (y - y1)) / (y2! - y1) + x1 ? !odd : odd;
    }, false);
  const wanted = Array.from({ length: 60 * 40 }, (_, p) => {
    const [x, y] = [(p % 60) + 0.5, Math.floor(p / 60) + 0.5];
    if (inside(box(-20, 30.4, 10.6, 80), x, y)) return 0;
    return inside(field, x, y) && !inside(hole, x, y) ? 1 : ignoredLabel;
  });
  expect([...drawLabels(item!.shapes!).data]).toEqual(wanted);
});

test("openMaskSet: a point labels its pixel, above polygons; what is nowhere may be background", async () => {
  const stem = (x: number, y: number): TestFeature => ({
    properties: { crop: "tree" },
    geometry: point(...(globe([x, y]) as [number, number])),
  });
  const points = labels("points.geojson", [stem(7.4, 3.7), stem(59.9, 39.9), parcel("rye", box(5, 2, 9, 5))]);
  const { items } = await openMaskSet(scene, { vectors: { labels: points, classField: "crop", blockMetres: 1000 } });
  const { data } = drawLabels(items[0]!.shapes!);
  const where = (label: number) => [...data.entries()].flatMap(([p, own]) => (own === label ? [p] : []));
  expect(where(1)).toEqual([3 * 60 + 7, 39 * 60 + 59]);
  expect(where(0).length).toBe(4 * 3 - 1);
  const roofs = labels("roofs.geojson", [parcel(null, box(0, 0, 10, 10))]);
  const set = await openMaskSet(scene, { vectors: { labels: roofs, background: "other", blockMetres: 1000 } });
  expect(set.classes.map(({ name }) => name)).toEqual(["other", "roofs"]);
  const map = drawLabels(set.items[0]!.shapes!).data;
  expect([map.filter((label) => label === 1).length, map.includes(ignoredLabel)]).toEqual([100, false]);
});

test("openMaskSet: what is left out or doubtful is counted and named, what contradicts is refused", async () => {
  const tie = [
    [0, 0],
    [8, 8],
    [8, 0],
    [0, 8],
    [0, 0],
  ];
  const file = labels("bad.geojson", [
    parcel("rye", tie),
    parcel(null, box(1, 1, 2, 2)),
    {
      properties: { crop: "rye" },
      geometry: {
        type: "LineString",
        coordinates: onGlobe([
          [1, 1],
          [9, 9],
        ]),
      },
    },
    { properties: { crop: "rye" }, geometry: null },
    parcel("oats", box(20, 20, 30, 30)),
    parcel("oats", box(900, 900, 901, 901)),
  ]);
  const set = await openMaskSet(scene, { vectors: { labels: file, classField: "crop", blockMetres: 1000 } });
  expect(set.notes!.map((note) => note.replace(`${file}: `, ""))).toEqual([
    '1 feature without "crop" was left out (feature 1)',
    "1 feature with lines alone was left out: they enclose nothing (feature 2)",
    "1 polygon crosses itself and counts as GIS software fills it (feature 0)",
    "2 of 6 features lie on no image, or have no geometry",
    "1 tiles in 1 block of 1000 m; a block is learnt from or judged as a whole",
  ]);
  const messageOf = async (vectors: object, options: object = {}) =>
    openMaskSet(scene, { vectors: { labels: file, classField: "crop", ...vectors }, ...options }).then(
      () => "",
      (error: Error) => error.message.replaceAll(folder, "DIR"),
    );
  const table = join(folder, "classes.json");
  writeFileSync(table, JSON.stringify({ classes: [{ name: "rye" }, { name: "wheat" }] }));
  expect(await messageOf({}, { classes: table })).toBe(
    '"oats" is none of the classes rye, wheat (DIR/bad.geojson, feature 4). Add it to --classes, or correct it.',
  );
  const one = labels("one.geojson", [parcel("rye", box(0, 0, 9, 9))]);
  expect(await messageOf({ labels: one })).toBe(
    "all labels are of one class, rye (DIR/one.geojson). A map needs two: say what everything else is by --background other, or give another --class-field.",
  );
  const far = labels("far.geojson", [{ properties: { crop: "rye" }, geometry: polygon(box(1, 1, 2, 2)) }]);
  expect(await messageOf({ labels: far })).toBe(
    "none of the 1 features lies on an image: they lie at 1 1 2 2 in EPSG:4326, the first image at 500000 5099960 500060 5100000 in EPSG:32633 (DIR/far.geojson). Give labels of the same place, or correct the CRS that the file names.",
  );
});

test("openMaskSet: images are cut along blocks, which divide the set; folders train and val divide it instead", async () => {
  image("large/l.tif", [10, 10], [300, 200]);
  const features = [parcel("rye", box(0, 0, 160, 400)), parcel("oats", box(160, 0, 400, 400))];
  const file = labels("large.geojson", features);
  const vectors = { labels: file, classField: "crop", blockMetres: 100, tile: 64 };
  const set = await openMaskSet(join(folder, "large"), { vectors });
  const { train, val } = divideMasks(set, { seed: 3 });
  expect(new Set(set.items.map(({ block }) => block)).size).toBeGreaterThan(4);
  expect(val.length / set.items.length).toBeGreaterThan(0.1);
  const learnt = new Set(train.map(({ block }) => block));
  expect(val.some(({ block }) => learnt.has(block))).toBe(false);
  image("split/train/t.tif", [0, 0], [50, 50]);
  image("split/val/v.tif", [130, 0], [50, 50]);
  const split = await openMaskSet(join(folder, "split"), { vectors: { ...vectors, blockMetres: undefined } });
  expect(split.items.map(({ id, split: own, block }) => [id, own, block])).toEqual([
    ["train/t.tif", "train", undefined],
    ["val/v.tif", "val", undefined],
  ]);
});

test("openMaskSet: ground that two CRS cover is one block", async () => {
  image("zones/33.tif", [0, 0], [60, 40]);
  const [x, y] = proj4("EPSG:4326", "+proj=utm +zone=32 +datum=WGS84 +units=m +no_defs", globe([30, 20])) as [
    number,
    number,
  ];
  const size = { bands: 3, width: 60, height: 40, pixel: 1 };
  const data = new Uint8Array(3 * 60 * 40);
  writeTestTiff(join(folder, "zones/32.tif"), { ...size, data, epsg: 32632, origin: [x - 30, y + 20] });
  const file = labels("zones.geojson", [parcel("rye", box(0, 0, 30, 40)), parcel("oats", box(30, 0, 60, 40))]);
  const { items } = await openMaskSet(join(folder, "zones"), {
    vectors: { labels: file, classField: "crop", blockMetres: 5000 },
  });
  expect(items.length).toBeGreaterThan(1);
  expect(new Set(items.map(({ block }) => block)).size).toBe(1);
});

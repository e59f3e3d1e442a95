import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/cli.ts";
import { type TestTiff, writeTestTiff } from "../../test/support/write-geotiff.ts";
import { createRandom } from "../core/random.ts";
import { readPlaceList } from "../evaluate/place-list.node.ts";
import { readPlaceSource } from "../imagery/scene/place-source.node.ts";
import { indexPlaces } from "./index-places.node.ts";
import { formatSummary } from "./index-summary.ts";

const random = createRandom(3);

function writeS2(path: string, { side = 8, ...rest }: Partial<TestTiff> & { side?: number } = {}): string {
  const data = Uint16Array.from({ length: 2 * side * side }, () => 300 + random.integer(3000));
  const grid = { width: side, height: side, epsg: 32_632, origin: [500_000, 5_000_000] as const };
  return writeTestTiff(path, { data, bands: 2, ...grid, names: ["B03", "B04"], ...rest });
}

function writeS1(path: string, rest: Partial<TestTiff> = {}): string {
  const data = Float32Array.from({ length: 2 * 64 }, () => -20 + 10 * random.uniform());
  const grid = { width: 8, height: 8, epsg: 32_632, origin: [500_000, 5_000_000] as const };
  return writeTestTiff(path, { data, bands: 2, ...grid, names: ["VV", "VH"], ...rest });
}

async function writePicture(path: string, width = 30, height = 20): Promise<void> {
  const pixels = Uint8Array.from({ length: 3 * width * height }, () => random.integer(256));
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(path);
}

const linesOf = (out: string) =>
  readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

test("indexPlaces: images of one ground are one place, pictures are one each, and what is no image is named", async () => {
  const folder = temporaryFolder();
  const images = join(folder, "images");
  mkdirSync(join(images, "photos"), { recursive: true });
  writeS2(join(images, "s2_20200607.tif"));
  writeS2(join(images, "s2_20200701.tif"));
  writeS1(join(images, "s1_20200608.tif"));
  writeS2(join(images, "s2_elsewhere.tif"), { origin: [600_000, 5_000_000] });
  await writePicture(join(images, "photos", "a.jpg"));
  await writePicture(join(images, "photos", "b.png"));
  writeFileSync(join(images, "photos", "broken.jpg"), "no picture");
  writeFileSync(join(images, "notes.txt"), "nothing");
  writeS2(join(images, "mask.tif"), { data: new Uint8Array(64), bands: 1, names: [] });
  const out = join(folder, "places.jsonl");
  const summary = await indexPlaces([images], { out });
  expect(linesOf(out)).toEqual([
    { id: "images/photos/a.jpg", sensors: ["hr"], files: ["images/photos/a.jpg"] },
    { id: "images/photos/b.png", sensors: ["hr"], files: ["images/photos/b.png"] },
    {
      id: "images/s1_20200608.tif",
      sensors: ["s2", "s1"],
      files: ["s1_20200608", "s2_20200607", "s2_20200701"].map((n) => `images/${n}.tif`),
    },
    { id: "images/s2_elsewhere.tif", sensors: ["s2"], files: ["images/s2_elsewhere.tif"] },
  ]);
  expect(summary).toEqual({
    places: 4,
    bySensors: { hr: 2, "s2+s1": 1, s2: 1 },
    images: {
      hr: { least: 1, most: 1, all: 2, dated: 0 },
      s2: { least: 1, most: 2, all: 3, dated: 2 },
      s1: { least: 1, most: 1, all: 1, dated: 1 },
    },
    located: 2,
    ...{ heldOut: 0, empty: 0, flat: 0 },
    skipped: [
      { id: "images/mask.tif", reason: expect.any(String) },
      { id: "images/photos/broken.jpg", reason: expect.stringContaining("cannot be decoded") },
    ],
  });
  expect(formatSummary(summary)).toContain("s2: 1 to 2 dates a place; 2 of 3 images dated\n");
  expect(formatSummary(summary)).toContain("location known of 2, unknown of 2\n2 skipped:\n");
});

test("indexPlaces: the list is read back as the places that it lists, also after all was moved", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "one", "images"), { recursive: true });
  writeS2(join(folder, "one", "images", "s2_20200607.tif"));
  writeS1(join(folder, "one", "images", "s1_20200608.tif"));
  await indexPlaces([join(folder, "one", "images")], { out: join(folder, "one", "places.jsonl") });
  renameSync(join(folder, "one"), join(folder, "two"));
  const [entry] = await readPlaceList(join(folder, "two", "places.jsonl"));
  const place = await readPlaceSource(entry!.source);
  expect([place.s2!.shape, place.s1!.shape]).toEqual([
    [1, 2, 8, 8],
    [1, 2, 8, 8],
  ]);
});

test("indexPlaces: large scenes are cut into patches; empty and featureless ones are left out", async () => {
  const folder = temporaryFolder();
  const side = 24;
  // Of nine patches one is nodata, one of a single value.
  const data = Uint16Array.from({ length: 2 * side * side }, (_, i) => {
    const [col, row] = [i % side, Math.floor(i / side) % side];
    return row < 8 && col < 8 ? 0 : row < 8 && col < 16 ? 700 : 300 + random.integer(3000);
  });
  writeS2(join(folder, "s2_20200607.tif"), { side, data });
  const out = join(folder, "places.jsonl");
  const summary = await indexPlaces([join(folder, "s2_20200607.tif")], { out, patchCells: 8 });
  expect([summary.places, summary.empty, summary.flat, summary.located]).toEqual([7, 1, 1, 7]);
  expect(linesOf(out)[0]).toEqual({
    id: "s2_20200607.tif@16,0",
    sensors: ["s2"],
    files: ["s2_20200607.tif"],
    window: [16, 0, 8, 8],
  });
});

test("indexPlaces: files that do not fit together are taken one by one, and long series are thinned", async () => {
  const folder = temporaryFolder();
  const images = join(folder, "images");
  mkdirSync(images);
  for (const name of ["s2_a.tif", "s2_b.tif"]) writeS2(join(images, name));
  const undated = await indexPlaces([images], { out: join(folder, "undated.jsonl") });
  expect([undated.places, undated.skipped]).toEqual([2, []]);
  for (let day = 10; day < 16; day++) writeS1(join(images, `s1_202006${day}.tif`), { origin: [700_000, 5_000_000] });
  const series = await indexPlaces([images], { out: join(folder, "series.jsonl"), maxDates: 4 });
  expect([series.bySensors, series.images.s1]).toEqual([
    { s1: 1, s2: 2 },
    { least: 4, most: 4, all: 4, dated: 4 },
  ]);
  expect(linesOf(join(folder, "series.jsonl"))[0].options).toEqual({ maxDates: 4 });
});

test("indexPlaces: files without georeference are one place where one folder has several sensors", async () => {
  const folder = temporaryFolder();
  for (const name of ["one", "many"]) mkdirSync(join(folder, "images", name), { recursive: true });
  const floating = { epsg: undefined as never };
  writeS2(join(folder, "images", "one", "s2.tif"), floating);
  writeS1(join(folder, "images", "one", "s1.tif"), floating);
  for (const name of ["s2_a.tif", "s2_b.tif"]) writeS2(join(folder, "images", "many", name), floating);
  const { bySensors, located } = await indexPlaces([join(folder, "images")], { out: join(folder, "places.jsonl") });
  expect([bySensors, located]).toEqual([{ s2: 2, "s2+s1": 1 }, 0]);
});

test("indexPlaces: scene classes belong to the images of their ground, where cloudy dates are to be left out", async () => {
  const folder = temporaryFolder();
  const images = join(folder, "images");
  mkdirSync(images);
  for (const [day, classes] of [
    ["20200607", 4], // vegetation
    ["20200701", 9], // clouds
  ] as const) {
    writeS2(join(images, `s2_${day}.tif`));
    const scl = { data: new Uint8Array(64).fill(classes), bands: 1, names: ["SCL"] };
    writeS2(join(images, `s2_${day}_scl.tif`), scl);
  }
  const all = await indexPlaces([images], { out: join(folder, "all.jsonl") });
  expect([all.places, all.images.s2!.all, all.skipped]).toEqual([1, 2, []]);
  const clear = await indexPlaces([images], { out: join(folder, "clear.jsonl"), options: { maxCloud: 0.5 } });
  expect([clear.places, clear.images.s2!.all, clear.skipped]).toEqual([1, 1, []]);
});

test("indexPlaces: what files do not say is said once for all of them", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "images"));
  writeS1(join(folder, "images", "a.tif"), { data: new Int16Array(128).map((_, i) => -1500 - i), names: [] });
  const out = join(folder, "places.jsonl");
  await expect(indexPlaces([join(folder, "images")], { out })).rejects.toMatchObject({ code: "NO_PLACES" });
  expect(existsSync(out)).toBe(false);
  const options = { s1: { units: "dB*100", bands: "vvvh" } };
  expect((await indexPlaces([join(folder, "images")], { out, options })).bySensors).toEqual({ s1: 1 });
  const [entry] = await readPlaceList(out);
  expect((await readPlaceSource(entry!.source)).s1!.data[0]).toBeCloseTo(-15);
});

test("indexPlaces: a picture with a sidecar lies where the sidecar says, patch by patch", async () => {
  const folder = temporaryFolder();
  await writePicture(join(folder, "town.png"), 64, 32);
  const sidecar = { crs: "EPSG:4326", bounds: [10, 50, 12, 51] };
  writeFileSync(join(folder, "town.png.skysense.json"), JSON.stringify(sidecar));
  const out = join(folder, "places.jsonl");
  expect((await indexPlaces([folder], { out, patch: 32 })).located).toBe(2);
  const places = await Promise.all((await readPlaceList(out)).map(({ source }) => readPlaceSource(source)));
  expect(places.map(({ location }) => location)).toEqual([
    { longitude: 10.5, latitude: 50.5 },
    { longitude: 11.5, latitude: 50.5 },
  ]);
});

test("indexPlaces: data sets anywhere below a folder are read by their index, without what they hold out", async () => {
  const folder = temporaryFolder();
  const set = join(folder, "data", "scenes");
  mkdirSync(set, { recursive: true });
  for (const name of ["1.jpg", "2.jpg", "3.jpg"]) await writePicture(join(set, name));
  const items = ["train", "val", "train"].map((split, i) => ({ file: `${i + 1}.jpg`, label: "x", split }));
  writeFileSync(join(set, "index.json"), JSON.stringify({ items }));
  await writePicture(join(folder, "data", "free.jpg"));
  const out = join(folder, "places.jsonl");
  const summary = await indexPlaces([join(folder, "data")], { out });
  expect(linesOf(out).map(({ id }) => id)).toEqual(["data/free.jpg", "scenes/1.jpg", "scenes/3.jpg"]);
  expect(summary.heldOut).toBe(1);
});

test("indexPlaces: a folder that is not there, and one without images, are named", async () => {
  const folder = temporaryFolder();
  const out = join(folder, "places.jsonl");
  await expect(indexPlaces([join(folder, "gone")], { out })).rejects.toThrow("does not exist");
  await expect(indexPlaces([folder], { out })).rejects.toMatchObject({ code: "NO_PLACES", where: folder });
});

test("indexPlaces: tiles of Blue Marble lie where they are on the globe", async () => {
  const folder = temporaryFolder();
  await writePicture(join(folder, "earth-blue-marble.jpg"), 128, 64);
  const out = join(folder, "places.jsonl");
  const summary = await indexPlaces([join(folder, "earth-blue-marble.jpg")], { out, patch: 32 });
  expect([summary.places, summary.located]).toEqual([8, 8]);
  for (const [i, { source }] of (await readPlaceList(out)).entries()) {
    const { location, hr } = await readPlaceSource(source);
    expect(hr!.shape).toEqual([1, 3, 32, 32]);
    expect([location!.longitude, location!.latitude]).toEqual([-135 + 90 * (i % 4), i < 4 ? 45 : -45]);
  }
});

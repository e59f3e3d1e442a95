import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SchemaElement } from "hyparquet";
import { fileWriter, parquetWriteRows } from "hyparquet-writer";
import { afterAll, expect, test, vi } from "vitest";
import {
  pastisSide,
  patchBands,
  writeFiles,
  writeFmowImage,
  writePastis,
  writePatch,
} from "../../../../test/support/dated-sets.ts";
import { writeTestTiff } from "../../../../test/support/write-geotiff.ts";
import type { PlaceFiles } from "../../../imagery/scene/place-source.node.ts";
import { readPlaceSource } from "../../../imagery/scene/place-source.node.ts";
import { readLabelMap } from "../../../train/data/read-sample.node.ts";
import { bigEarthNetClasses, nineteen } from "./bigearthnet-labels.ts";
import type { DatedSet } from "./dated-set.ts";
import { openDatedSet } from "./open-dated-set.node.ts";

// The files are small, but a busy machine has little time for them.
vi.setConfig({ testTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), "skysense-dated-"));
afterAll(() => rmSync(root, { recursive: true }));

const write = (folder: string, files: Readonly<Record<string, string>>) => writeFiles(join(root, folder), files);
const pastis = (folder: string, change?: Parameters<typeof writePastis>[1]) =>
  writePastis(join(root, folder), change);
const patch = (folder: string, name: string, bands: readonly string[]) => writePatch(join(root, folder), name, bands);

test("openDatedSet: PASTIS-R has its dates, folds and classes, and both orbits as one series", async () => {
  const set = await openDatedSet(pastis("pastis"));
  expect([set.name, set.answer, set.classes.length]).toEqual(["PASTIS-R, fold 1", "map", 19]);
  expect(set.items.map(({ id, split }) => [id, split])).toEqual([
    ["10000", "train"],
    ["10001", "test"],
  ]);
  const { s2, s1, location } = await readPlaceSource(set.items[0]!.source);
  expect(s2!.shape).toEqual([3, 10, pastisSide, pastisSide]);
  expect(s2!.dates).toEqual(["2018-09-17", "2018-10-07", "2019-02-04"]);
  expect([...s2!.data.subarray(0, 3)]).toEqual([500, 501, 502]);
  expect(s1!.bands).toEqual(["VV", "VH"]);
  expect(s1!.dates).toEqual(["2018-09-03", "2018-09-04", "2018-09-09", "2018-09-10"]);
  expect([location!.longitude, location!.latitude].map(Math.round)).toEqual([-1, 48]);
  const labels = await readLabelMap(set.items[0]!.labelMap!);
  expect([...labels.data.subarray(0, 4)]).toEqual([0, 3, 18, 255]);
});

test("openDatedSet: folds rotate; without folds or dates PASTIS is refused in one sentence", async () => {
  const splits = async (fold: number) =>
    (await openDatedSet(join(root, "pastis"), { fold })).items.map(({ split }) => split);
  expect(await splits(2)).toEqual(["test", "val"]);
  expect(await splits(5)).toEqual(["train", "train"]);
  const noFold = pastis("no-fold", (properties, id) => id === 10001 && delete properties.Fold);
  await expect(openDatedSet(noFold)).rejects.toThrow(
    `the patch 10001 says of no fold from 1 to 5 that it is in it (${noFold}/metadata.geojson). Get the metadata.geojson of the published set`,
  );
  const noDates = pastis("no-dates", (properties) => delete properties["dates-S2"]);
  await expect(openDatedSet(noDates)).rejects.toThrow(
    `the patch 10000 has no dates-S2 (${noDates}/metadata.geojson)`,
  );
  const noText = pastis("no-text", (properties) => {
    properties["dates-S2"] = "{'0': 20180917}";
  });
  await expect(openDatedSet(noText)).rejects.toThrow("the patch 10000 has no dates-S2");
  await expect(openDatedSet(join(root, "pastis"), { fold: 6 })).rejects.toThrow("Give --fold 1 to 5.");
  const few = pastis("few", (properties) => {
    properties["dates-S2"] = { "0": 20180917 };
  });
  const { items } = await openDatedSet(few);
  await expect(readPlaceSource(items[0]!.source)).rejects.toThrow("1 dates are given");
});

async function firstPlace(set: DatedSet) {
  return readPlaceSource(set.items[0]!.source as PlaceFiles);
}

test("openDatedSet: BigEarthNet 1 has 19 or 43 classes, its lists as splits, and Sentinel-1 beside", async () => {
  const [a, b, c] = [
    "S2A_MSIL2A_20170617T113321_36_85",
    "S2B_MSIL2A_20170709T094029_1_2",
    "S2A_MSIL2A_20170613T101031_0_1",
  ];
  const s1 = "S1A_IW_GRDH_1SDV_20170615T165043_33UUP_36_85";
  const labelled = (labels: string[]) => JSON.stringify({ labels, acquisition_date: "2017-06-17 11:33:21" });
  const path = write("ben1", {
    [`BigEarthNet-v1.0/${a}/${a}_labels_metadata.json`]: labelled([
      "Non-irrigated arable land",
      "Rice fields",
      "Airports",
    ]),
    [`BigEarthNet-v1.0/${b}/${b}_labels_metadata.json`]: labelled(["Airports"]),
    [`BigEarthNet-v1.0/${c}/${c}_labels_metadata.json`]: labelled(["Pastures"]),
    [`BigEarthNet-S1-v1.0/${s1}/${s1}_labels_metadata.json`]: JSON.stringify({
      labels: [],
      corresponding_s2_patch: a,
    }),
    "train.csv": `${a}\n${b}\n`,
    "patches_with_seasonal_snow.csv": `${c}\n`,
  });
  patch("ben1/BigEarthNet-v1.0", a, patchBands);
  patch("ben1/BigEarthNet-S1-v1.0", s1, ["VV", "VH"]);
  const set = await openDatedSet(path);
  const names = (one: DatedSet, i: number) => one.items[i]!.labels.map((k) => one.classes[k]!.name);
  expect(set.items.map(({ id, split }) => [id, split])).toEqual([[a, "train"]]); // b has none of the 19, c has snow
  expect(names(set, 0)).toEqual(["Arable land"]);
  const all = await openDatedSet(path, { subset: "43" });
  expect(names(all, 0)).toEqual(["Non-irrigated arable land", "Rice fields", "Airports"]);
  expect(all.items.map(({ id }) => id)).toEqual([a, b]);
  const place = await firstPlace(set);
  expect(place.s2!.shape).toEqual([1, 10, 12, 12]);
  expect(place.s2!.dates).toEqual(["2017-06-17T11:33:21Z"]);
  expect([place.s1!.bands, place.s1!.dates]).toEqual([["VV", "VH"], ["2017-06-15T16:50:43Z"]]);
  await expect(openDatedSet(path, { subset: "20" })).rejects.toThrow("BigEarthNet has no 20 classes");
});

test("openDatedSet: BigEarthNet 2 is read from its table, folders by tile and product", async () => {
  const tile = "S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP";
  const [s2, s1] = [`${tile}_26_57`, "S1A_IW_GRDH_1SDV_20170613T165043_33UUP_26_57"];
  const text = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;
  const schema: SchemaElement[] = [
    { name: "root", num_children: 5 },
    { name: "patch_id", repetition_type: "REQUIRED", ...text },
    { name: "labels", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "OPTIONAL", ...text },
    { name: "split", repetition_type: "OPTIONAL", ...text },
    { name: "country", repetition_type: "OPTIONAL", ...text },
    { name: "s1_name", repetition_type: "OPTIONAL", ...text },
  ];
  const rows = [
    { patch_id: s2, labels: ["Pastures", "Inland waters"], split: "validation", country: "Austria", s1_name: s1 },
  ];
  const path = write("ben2", {});
  mkdirSync(join(root, "ben2"), { recursive: true });
  const columns = Object.keys(rows[0]!).map((name) => ({ name }));
  await parquetWriteRows({ writer: fileWriter(join(root, "ben2", "metadata.parquet")), rows, columns, schema });
  patch(`ben2/BigEarthNet-S2/${tile}`, s2, patchBands);
  patch("ben2/BigEarthNet-S1/S1A_IW_GRDH_1SDV_20170613T165043", s1, ["VV", "VH"]);
  const set = await openDatedSet(path);
  expect(set.items.map(({ id, split, labels }) => [id, split, labels.map((k) => set.classes[k]!.name)])).toEqual([
    [s2, "val", ["Pastures", "Inland waters"]],
  ]);
  const place = await firstPlace(set);
  expect([place.s2!.shape, place.s1!.shape]).toEqual([
    [1, 10, 12, 12],
    [1, 2, 12, 12],
  ]);
  await expect(openDatedSet(path, { subset: "43" })).rejects.toThrow(
    "the second version of BigEarthNet has 19 classes",
  );
});

test("bigEarthNetClasses: 19 classes of 32 of the 43", () => {
  expect([bigEarthNetClasses[19].length, bigEarthNetClasses[43].length]).toEqual([19, 43]);
  expect(new Set(bigEarthNetClasses[43]).size).toBe(43);
  expect(Object.values(nineteen).flat().length).toBe(32);
});

test("openDatedSet: fMoW-Sentinel has an item an image, its date and where it is", async () => {
  const header = ",category,location_id,image_id,timestamp,polygon";
  const polygon = '"POLYGON ((-6.66 18.7, -6.65 18.7, -6.65 18.71, -6.66 18.71, -6.66 18.7))"';
  const path = write("fmow", {
    "train.csv": `${header}\n0,airport,0,0,2017-06-10T10:56:03Z,${polygon}\n`,
    "val.csv": `${header}\n0,zoo,12,3,2016-02-10T10:56:03Z,${polygon}\n`,
  });
  writeFmowImage(join(path, "train/airport/airport_0/airport_0_0.tif"));
  const set = await openDatedSet(path);
  expect(set.classes.map(({ name }) => name)).toEqual(["airport", "zoo"]);
  expect(set.items.map(({ id, split, labels }) => [id, split, labels])).toEqual([
    ["train/airport/airport_0/airport_0_0.tif", "train", [0]],
    ["val/zoo/zoo_12/zoo_12_3.tif", "val", [1]],
  ]);
  const { s2, location } = await firstPlace(set);
  expect([s2!.dates, s2!.bands.length]).toEqual([["2017-06-10T10:56:03Z"], 10]);
  // B02 is the second of the file's bands, B8A the ninth, B11 the twelfth.
  expect([0, 7, 8].map((b) => s2!.data[b * 9])).toEqual([810, 880, 910]);
  expect(location!.latitude).toBeCloseTo(18.705);
  await expect(openDatedSet(write("nothing", { "a.txt": "" }))).rejects.toThrow("nothing here says what this set is");
});

test("openDatedSet: an index names files with what they do not say, and masks or classes", async () => {
  const s1 = {
    file: "a/s1.tif",
    sensor: "s1",
    units: "dB",
    dates: ["2020-01-01", "2020-02-01"],
    bands: ["VV", "VH"],
    check: false,
  };
  const item = { id: "a", files: [s1], mask: "a/label.tif", split: "train" };
  const path = write("own", {
    "index.json": JSON.stringify({ classes: { "0": "land", "7": "water", "9": "no data" }, items: [item] }),
  });
  mkdirSync(join(path, "a"), { recursive: true });
  const db = Float32Array.from({ length: 16 }, (_, i) => -10 - i);
  writeTestTiff(join(path, "a/s1.tif"), { data: db, bands: 4, width: 2, height: 2, epsg: 32633 });
  writeTestTiff(join(path, "a/label.tif"), {
    data: Uint8Array.of(0, 7, 9, 7),
    bands: 1,
    width: 2,
    height: 2,
    epsg: 32633,
  });
  const set = await openDatedSet(path);
  expect([set.answer, set.items[0]!.id, set.items[0]!.split]).toEqual(["map", "a", "train"]);
  expect([...(await readLabelMap(set.items[0]!.labelMap!)).data]).toEqual([0, 1, 255, 1]);
  expect((await firstPlace(set)).s1!.dates).toEqual(["2020-01-01", "2020-02-01"]);

  const whole = { items: [{ id: "a", files: ["a/s1.tif"], labels: ["x", "y"] }] };
  const several = await openDatedSet(write("several", { "index.json": JSON.stringify(whole) }));
  expect([several.answer, several.items[0]!.labels]).toEqual(["classes", [0, 1]]);
  const numbered = { classes: ["x", "y"], mask: "0 = unlabelled, k = k-th class", items: [item] };
  write("words", { "index.json": JSON.stringify(numbered) });
  expect((await openDatedSet(join(root, "words"))).items[0]!.labelMap).toMatchObject({
    coding: {
      values: [
        [1, 0],
        [2, 1],
        [0, 255],
        [255, 255],
      ],
    },
  });
  const bad = (index: unknown) => openDatedSet(write("bad", { "index.json": JSON.stringify(index) }));
  await expect(bad({ classes: ["x", "y"], items: [{ id: "a", files: ["a.tif"] }] })).rejects.toThrow(
    "item 0 has neither mask nor label",
  );
  await expect(bad({ classes: ["x", "y"], items: [{ id: "a", files: ["a.tif"], label: "z" }] })).rejects.toThrow(
    "a has the class z",
  );
  await expect(bad({ classes: ["x", "y"], items: [{ id: "a", files: ["../a.tif"], label: "x" }] })).rejects.toThrow(
    "../a.tif lies outside the folder",
  );
  const mixed = [item, { id: "b", files: ["b.tif"], label: "x" }];
  await expect(bad({ classes: ["x", "y"], items: mixed })).rejects.toThrow("b has no mask, but others have one");
});

const data = process.env.SKYSENSE_DATA;

test.skipIf(data === undefined)(
  "openDatedSet: the reduced sets open with their labels (set SKYSENSE_DATA)",
  async () => {
    const open = (name: string, subset?: string) => openDatedSet(join(data!, name), { subset });
    const floods = await open("sen1floods11");
    expect([floods.items.length, floods.answer, floods.classes.map(({ name }) => name)]).toEqual([
      10,
      "map",
      ["not water", "water"],
    ]);
    for (const subset of ["lc", "ct"]) {
      const { items, classes } = await open("worldcereal-places", subset);
      const { data: labels } = await readLabelMap(items[2]!.labelMap!);
      const counts = new Map<number, number>();
      for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
      const by = (name: string) => counts.get(classes.findIndex((one) => one.name === name));
      if (subset === "lc")
        expect([by("temporary crops"), by("built-up"), by("no cropland")]).toEqual([2202, 91, 701]);
      else expect([by("maize"), by("potatoes"), counts.get(255)]).toEqual([1277, 445, 792]);
    }
    const pixels = await open("worldcereal-pixels", "flanders_2021_months");
    expect([pixels.answer, pixels.items.length]).toEqual(["class", 87]);
    const { s2 } = await readPlaceSource(pixels.items[0]!.source);
    expect([s2!.shape[0], s2!.bands.length]).toEqual([16, 9]);
    const sample = await open("bigearthnet-sample");
    expect([sample.answer, sample.items[0]!.labels]).toEqual(["classes", [0, 1]]);
    expect((await firstPlace(sample)).s2!.shape).toEqual([1, 10, 120, 120]);
  },
);

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import {
  npy,
  pastisSide,
  patchBands,
  writeFiles,
  writeFmowImage,
  writePastis,
  writePatch,
} from "../../../../test/support/dated-sets.ts";
import { writeTestTiff } from "../../../../test/support/write-geotiff.ts";
import { checkData } from "../../check/check-data.node.ts";

// The files are small, but a busy machine has little time for them.
vi.setConfig({ testTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), "skysense-check-dated-"));
afterAll(() => rmSync(root, { recursive: true }));

/** What is found, by the one task that knows the folder. */
async function check(folder: string, options: object = {}) {
  const findings = await checkData(join(root, folder), { seed: 0, ...options });
  expect(findings.map(({ task }) => task)).toEqual(["timeseries"]);
  const { problems, classes, ...rest } = findings[0]!;
  return {
    ...rest,
    problems: problems.map((problem) => problem.replaceAll(join(root, folder), "SET")),
    classes: Object.fromEntries(
      classes.flatMap(({ name, counts }) => (Object.keys(counts).length === 0 ? [] : [[name, counts]])),
    ),
  };
}

test("checkData: PASTIS-R by fold, pixels of each crop, and dates of both sensors", async () => {
  writePastis(join(root, "pastis"));
  const found = await check("pastis");
  expect(found).toMatchObject({
    ...{ name: "PASTIS-R, fold 1", layout: "PASTIS-R", unit: "pixels", noun: "place", problems: [], notes: [] },
    splits: { train: 1, test: 1 },
    classes: { Background: { train: 4, test: 4 }, Corn: { train: 4, test: 4 }, Sorghum: { train: 4, test: 4 } },
    unlabelled: { train: 4, test: 4 },
  });
  expect(found.sizes.map(({ name }) => name)).toEqual(["4 × 4 pixels, 3 dates", "4 × 4 pixels, 4 dates"]);
  expect((await check("pastis", { fold: 2 })).splits).toEqual({ val: 1, test: 1 });
});

test("checkData: PASTIS without folds, with a date too few, with labels of another size or that do not exist", async () => {
  writePastis(join(root, "no-fold"), (properties, id) => id === 10001 && delete properties.Fold);
  const broken = writePastis(join(root, "broken"), (properties, id) => {
    if (id === 10000) properties["dates-S2"] = { "0": 20180917 };
  });
  const square = (side: number, value: number) =>
    npy("|u1", [3, side, side], new Uint8Array(3 * side ** 2).fill(value));
  writeFiles(broken, { "ANNOTATIONS/TARGET_10001.npy": square(pastisSide + 1, 1) });
  const wrong = writePastis(join(root, "wrong"), (properties) => {
    properties["dates-S1A"] = null;
  });
  const unknown = writePastis(join(root, "unknown"));
  writeFiles(unknown, { "ANNOTATIONS/TARGET_10000.npy": square(pastisSide, 42) });
  rmSync(join(unknown, "DATA_S1D/S1D_10001.npy"));

  const noFold = await check("no-fold");
  expect(noFold.splits).toEqual({ train: 1 });
  expect(noFold.problems).toEqual([
    expect.stringContaining("the patch 10001 says of no fold from 1 to 5 that it is in it (SET/metadata.geojson)"),
  ]);
  expect((await check("broken")).problems).toEqual([
    expect.stringContaining("1 dates are given"),
    expect.stringContaining("the mask has 5 × 5 pixels, but its image has 4 × 4 (SET/ANNOTATIONS/TARGET_10001.npy)"),
  ]);
  expect(wrong).toBe(join(root, "wrong"));
  expect((await check("wrong")).problems).toEqual(
    [10000, 10001].map((id) => expect.stringContaining(`the patch ${id} has no dates-S1A`)),
  );
  expect((await check("unknown")).problems).toEqual([
    expect.stringContaining("the value 42 at column 0, row 0 of the mask is neither a class nor ignored"),
    expect.stringContaining("SET/DATA_S1D/S1D_10001.npy"),
  ]);
});

test("checkData: BigEarthNet's patches, their classes and splits; bands, labels and patches that are missing", async () => {
  const patches = [
    "S2A_MSIL2A_20170617T113321_36_85",
    "S2B_MSIL2A_20170709T094029_1_2",
    "S2A_MSIL2A_20170613T101031_0_1",
  ];
  const [whole, lacking, unlabelled] = patches as [string, string, string];
  const folder = join(root, "ben1");
  for (const patch of patches) writePatch(folder, patch, patchBands);
  const labels = (...names: string[]) => JSON.stringify({ labels: names });
  writeFiles(folder, {
    [`${whole}/${whole}_labels_metadata.json`]: labels("Pastures", "Airports"),
    [`${lacking}/${lacking}_labels_metadata.json`]: labels("Rice fields"),
    "train.csv": `${whole}\n${unlabelled}\nS2A_MSIL2A_20170701T093031_3_4\n`,
    "val.csv": `${lacking}\n`,
  });
  rmSync(join(folder, lacking, `${lacking}_B11.tif`));
  const found = await check("ben1");
  expect(found).toMatchObject({
    ...{ layout: "folders of patches of BigEarthNet 1", unit: "places", splits: { train: 1, val: 1 } },
    classes: { Pastures: { train: 1 } },
  });
  expect(found.problems).toEqual([
    expect.stringContaining(`SET/${unlabelled}/${unlabelled}_labels_metadata.json`),
    expect.stringContaining(`SET/${lacking}/${lacking}_B11.tif`),
  ]);
  expect(found.notes[0]).toBe("patches in the list of a split, but not here: 1, as S2A_MSIL2A_20170701T093031_3_4");
});

test("checkData: fMoW-Sentinel; images that are missing, or have no time", async () => {
  const header = ",category,location_id,image_id,timestamp,polygon";
  const folder = writeFiles(join(root, "fmow"), {
    "train.csv": `${header}\n0,zoo,0,0,2017-06-10T10:56:03Z,\n1,zoo,0,1,2017-08-10T10:56:03Z,\n2,zoo,1,2,soon,\n`,
    "val.csv": `${header}\n0,zoo,12,3,2016-02-10T10:56:03Z,\n1,port,1,0,2016-02-10T10:56:03Z,\n`,
  });
  writeFmowImage(join(folder, "train/zoo/zoo_0/zoo_0_0.tif"));
  writeFmowImage(join(folder, "val/zoo/zoo_12/zoo_12_3.tif"));
  const found = await check("fmow");
  expect(found).toMatchObject({ splits: { train: 2, val: 2 }, classes: { zoo: { train: 1, val: 1 } } });
  expect(found.problems).toEqual([
    'the image zoo_1_2 has no date, but the timestamp "soon" (SET/train.csv). Get train.csv of the published set, which has the time of every image.',
    expect.stringContaining("SET/train/zoo/zoo_0/zoo_0_1.tif"),
    expect.stringContaining("SET/val/port/port_1/port_1_0.tif"),
    expect.stringContaining("the same image is in train and in val"),
  ]);
});

test("checkData: an index of dated places; images without a date are counted, items that say nothing are named", async () => {
  const s1 = { file: "a/s1.tif", sensor: "s1", units: "dB", bands: ["VV", "VH"], check: false };
  const items = [
    { id: "a", files: [{ ...s1, dates: ["2020-01-01"] }], mask: "a/label.tif", split: "train" },
    { id: "b", files: [{ ...s1, dates: "unknown" }], mask: "a/label.tif", split: "val" },
    { id: "c", files: [s1], split: "val" },
  ];
  const folder = writeFiles(join(root, "own"), {
    "index.json": JSON.stringify({ classes: { "0": "land", "7": "water" }, items }),
    "a/notes.txt": "",
  });
  const grid = { width: 2, height: 2, epsg: 32633 };
  writeTestTiff(join(folder, "a/s1.tif"), {
    ...grid,
    data: Float32Array.from({ length: 8 }, (_, i) => -9 - i),
    bands: 2,
  });
  writeTestTiff(join(folder, "a/label.tif"), { ...grid, data: Uint8Array.of(0, 7, 7, 7), bands: 1 });
  const found = await check("own");
  expect(found).toMatchObject({ splits: { train: 1, val: 1 }, classes: { water: { train: 3, val: 3 } } });
  expect(found.problems).toEqual([
    expect.stringContaining("item 2 has neither mask nor label"),
    expect.stringContaining("the same image is in train and in val"),
  ]);
  expect(found.notes).toEqual(["1 place with images without a date, which are of no day of the year"]);
});

const data = process.env.SKYSENSE_DATA;

test.skipIf(data === undefined)(
  "checkData: a real set of dated places (SKYSENSE_DATA), and what is wrong with it",
  async () => {
    const [floods, ...others] = await checkData(join(data!, "sen1floods11"), { seed: 0 });
    // One of its images is empty.
    const empty = expect.stringContaining("no pixel of this file is valid");
    expect([floods!.task, floods!.problems, others]).toEqual(["timeseries", [empty], []]);
    expect(floods!.classes.every(({ counts }) => counts.train! > 0)).toBe(true);
  },
);

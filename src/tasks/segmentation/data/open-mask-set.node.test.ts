import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ignoredLabel } from "../../../train/data/label-map.ts";
import { parseClassTable, tableOfNames } from "../../maps/classes.ts";
import { knownClasses } from "./known-classes.ts";
import { divideMasks } from "./mask-set.ts";
import { openMaskSet } from "./open-mask-set.node.ts";

const folders: string[] = [];
function folderOf(files: Readonly<Record<string, string>> | readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "skysense-masks-"));
  folders.push(folder);
  for (const [name, text] of Array.isArray(files) ? files.map((f) => [f, ""]) : Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const pairsOf = async (files: string[], options: object) => {
  const folder = folderOf(files);
  const { items } = await openMaskSet(folder, { classes: "loveda", ...options });
  return items.map(({ id, mask, split }) => [id, mask.slice(folder.length + 1), split]);
};

test("openMaskSet: folders beside each other are paired by name, whatever sets call them", async () => {
  expect(await pairsOf(["images/a.jpg", "masks/a.png", "images/b.tif", "masks/b.tif"], {})).toEqual([
    ["images/a.jpg", "masks/a.png", undefined],
    ["images/b.tif", "masks/b.tif", undefined],
  ]);
  const loveda = ["Train/Rural/images_png/0.png", "Train/Rural/masks_png/0.png", "Val/Urban/images_png/9.png"];
  expect(await pairsOf([...loveda, "Val/Urban/masks_png/9.png"], {})).toEqual([
    ["Train/Rural/images_png/0.png", "Train/Rural/masks_png/0.png", "train"],
    ["Val/Urban/images_png/9.png", "Val/Urban/masks_png/9.png", "val"],
  ]);
  const isaid = ["img_dir/val/P1_0_896_0_896.png", "ann_dir/val/P1_0_896_0_896_instance_color_RGB.png"];
  expect(await pairsOf(isaid, {})).toEqual([[isaid[0], isaid[1], "val"]]);
});

test("openMaskSet: folders of other names are given, with a star for what both share", async () => {
  const potsdam = ["2_Ortho_RGB/top_potsdam_2_10_RGB.tif", "5_Labels/top_potsdam_2_10_label.tif"];
  expect(await pairsOf(potsdam, { images: "2_Ortho_RGB", masks: "5_Labels" })).toEqual([
    [potsdam[0], potsdam[1], undefined],
  ]);
  const raw = ["train/images/images/P0.png", "train/Semantic_masks/images/images/P0_instance_color_RGB.png"];
  expect(await pairsOf(raw, { images: "*/images/images", masks: "*/Semantic_masks/images/images" })).toEqual([
    [raw[0], raw[1], "train"],
  ]);
});

test("openMaskSet: what is missing is named", async () => {
  const folder = folderOf(["images/a.jpg", "masks/b.png"]);
  await expect(openMaskSet(folder, { classes: "loveda" })).rejects.toThrow(
    `the image has no mask of its name in ${folder}/masks (${folder}/images/a.jpg)`,
  );
  await expect(openMaskSet(folder)).rejects.toThrow("nothing says what the values of the masks mean");
  await expect(openMaskSet(folder, { classes: "nowhere.json" })).rejects.toThrow("there is no such class table");
  await expect(openMaskSet(`${folder}/none`)).rejects.toThrow("there is no such folder");
  await expect(openMaskSet(folderOf(["a.txt"]), { classes: "loveda" })).rejects.toThrow("no images beside masks");
});

const item = { file: "images/a.jpg", mask: "masks/a.png", split: "val" };
const indexOf = async (index: object, options: object = {}) =>
  openMaskSet(folderOf({ "index.json": JSON.stringify({ items: [item], ...index }) }), options);

test("openMaskSet: an index says what values mean: positions, values before names, or positions after an unlabelled 0", async () => {
  const classes = ["background", "building"];
  expect((await indexOf({ classes })).coding.values).toEqual([
    [0, 0],
    [1, 1],
    [255, ignoredLabel],
  ]);
  const binary = await indexOf({ classes, mask: "PNG 8 bit: 0 background, 255 building" });
  expect(binary.coding.values).toEqual([
    [0, 0],
    [255, 1],
  ]);
  const several = { classes: { LoveDA: classes, other: ["x", "y"] }, mask: "0 = unlabelled, k = k-th class" };
  await expect(indexOf(several)).rejects.toThrow("Choose one by --subset: LoveDA, other.");
  const items = [{ ...item, dataset: "LoveDA" }];
  expect((await indexOf({ ...several, items }, { subset: "LoveDA" })).coding.values).toEqual([
    [1, 0],
    [2, 1],
    [0, ignoredLabel],
    [255, ignoredLabel],
  ]);
  await expect(indexOf({ classes, items: [{ ...item, mask: "../a.png" }] })).rejects.toThrow(
    "../a.png lies outside the folder",
  );
  await expect(indexOf({ classes, items: [item] }, { subset: "LoveDA" })).rejects.toThrow(
    /^the index holds no set "LoveDA" .*Leave out --subset/,
  );
  const table = join(folderOf({ "classes.json": "{" }), "classes.json");
  await expect(indexOf({ classes, items: [item] }, { classes: table })).rejects.toThrow(
    /^the class table is no JSON: .*classes\.json\)\. Give a JSON file, or one of potsdam/,
  );
});

test("openMaskSet: an index of several sensors gives the images of the one that is asked for, and classes by value", async () => {
  const classes = { "0": "land", "1": "water", "-1": "no data" };
  const items = [{ id: "a", s1: "a/s1.tif", label: "a/label.tif" }];
  const set = await indexOf({ classes, items }, { sensor: "s1" });
  expect(set.items.map(({ id, mask }) => [id, mask.endsWith("a/label.tif")])).toEqual([["a/s1.tif", true]]);
  expect(set.classes.map(({ name }) => name)).toEqual(["land", "water"]);
  expect(set.coding.values).toEqual([
    [0, 0],
    [1, 1],
    [-1, ignoredLabel],
    [255, ignoredLabel],
  ]);
  await expect(indexOf({ classes, items })).rejects.toThrow(
    /^no item has an image of hr and a mask \(.*index\.json\)\. Choose one by --sensor: s1\.$/,
  );
});

test("parseClassTable: tables that contradict themselves are refused", () => {
  const table =
    (classes: unknown, ignore: unknown = []) =>
    () =>
      parseClassTable({ classes, ignore }, "c.json");
  const [a, b] = [
    { name: "a", value: 0 },
    { name: "b", value: 1 },
  ];
  expect(table([a, { name: "b" }])).toThrow("b has no value, but others have (c.json)");
  expect(table([a, { ...b, value: 0 }])).toThrow("a value stands there twice (0)");
  expect(table([a, b], [1])).toThrow("a value stands there twice (1)");
  expect(table([a, { ...b, colour: "red" }])).toThrow('a colour is written "#rrggbb"');
  expect(table([a])).toThrow("the class table is not valid: classes");
});

test("tableOfNames: every class has a colour of its own, the usual one where there is one", () => {
  const names = ["not water", "water", "building", ...Array.from({ length: 18 }, (_, k) => `class ${k}`)];
  const { classes } = tableOfNames(names, { where: "" });
  expect(classes.slice(0, 3).map(({ colour }) => colour)).toEqual(["#d9d9d9", "#1f77b4", "#d62728"]);
  expect(new Set(classes.map(({ colour }) => colour)).size).toBe(21);
});

test("knownClasses: published tables are complete, Potsdam without clutter", () => {
  const counts = Object.values(knownClasses).map((table) => parseClassTable(table, "").classes.length);
  expect(counts).toEqual([5, 7, 16]);
  expect(parseClassTable(knownClasses.potsdam, "").coding.colours).toContainEqual([0xff0000, ignoredLabel]);
});

test("divideMasks: given splits, else a seeded share, and none without either", async () => {
  const items = Array.from({ length: 10 }, (_, i) => ({ id: `${i}`, image: "", mask: "", split: undefined }));
  const set = { ...(await indexOf({ classes: ["a", "b"] })), items };
  expect(() => divideMasks(set, { seed: 0 })).toThrow("--val-share 0.2");
  const { train, val } = divideMasks(set, { valShare: 0.3, seed: 0 });
  expect([train.length, val.length]).toEqual([7, 3]);
  expect(new Set([...train, ...val]).size).toBe(10);
  expect(divideMasks(set, { valShare: 0.3, seed: 0 }).val).toEqual(val);
  const given = { ...set, items: items.map((one, i) => ({ ...one, split: i < 8 ? "train" : "test" })) };
  expect(divideMasks(given, { seed: 0 }).val.map(({ id }) => id)).toEqual(["8", "9"]);
});

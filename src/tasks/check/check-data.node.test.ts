import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterEach, expect, test } from "vitest";
import { openBoxSet } from "../detection/data/open-box-set.node.ts";
import { checkData } from "./check-data.node.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

type Content = string | { size: [width: number, height: number]; rows: readonly number[]; bands?: 1 | 3 };

/** Files of text, or pictures with a value (0xRRGGBB) for each row, the last one for all further rows. */
async function folderOf(files: Readonly<Record<string, Content>>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "skysense-check-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === "string") writeFileSync(path, content);
    else await picture(path, content);
  }
  return folder;
}

async function picture(
  path: string,
  { size: [width, height], rows, bands = 3 }: Exclude<Content, string>,
): Promise<void> {
  const data = Array.from({ length: width * height }, (_, p) => {
    const value = rows[Math.min(rows.length - 1, Math.floor(p / width))]!;
    return bands === 1 ? [value] : [value >> 16, (value >> 8) & 255, value & 255];
  });
  const pixels = sharp(Uint8Array.from(data.flat()), { raw: { width, height, channels: bands } });
  // By default sharp writes TIFFs as JPEG, which changes colours.
  const encoded = path.endsWith(".tif") ? pixels.tiff({ compression: "lzw" }) : pixels;
  await encoded.toColourspace(bands === 1 ? "b-w" : "srgb").toFile(path);
}

/** Greens, which are not taken for masks. */
const image = (...values: number[]): Content => ({ size: [8, 6], rows: values.map((value) => 0x206040 + value) });
const colours = (...rows: number[]): Content => ({ size: [8, 6], rows });
const mask = (...rows: number[]): Content => ({ size: [8, 6], rows, bands: 1 });
const check = async (files: Readonly<Record<string, Content>>, options: object = {}) => {
  const folder = await folderOf(files);
  const findings = await checkData(folder, { seed: 0, ...options });
  return findings.map((finding) => ({
    ...finding,
    problems: finding.problems.map((p) => p.replaceAll(folder, "SET")),
  }));
};
const counts = ({ classes }: { classes: readonly { name: string; counts: Readonly<Record<string, number>> }[] }) =>
  Object.fromEntries(
    classes.map(({ name, counts: own }) => [name, own]).filter(([, own]) => Object.keys(own as object).length > 0),
  );

test("checkData: LoveDA, Potsdam in colours and iSAID as they are downloaded, pixel by pixel", async () => {
  const [loveda] = await check(
    {
      "Train/Rural/images_png/0.png": image(1),
      "Train/Rural/masks_png/0.png": mask(0, 2, 7),
      "Val/Urban/images_png/9.png": image(2),
      "Val/Urban/masks_png/9.png": mask(4),
    },
    { masks: { classes: "loveda" } },
  );
  expect(counts(loveda!)).toMatchObject({
    building: { train: 8, val: 0 },
    agricultural: { train: 32 },
    water: { val: 48 },
  });
  expect([loveda!.unlabelled, loveda!.sizes, loveda!.bands, loveda!.problems]).toEqual([
    { train: 8, val: 0 },
    [{ name: "8 × 6 pixels", count: 2 }],
    [{ name: "hr: R, G, B", count: 2 }],
    [],
  ]);
  const [potsdam] = await check(
    {
      "2_Ortho_RGB/top_potsdam_2_10_RGB.tif": image(1),
      "5_Labels_all/top_potsdam_2_10_label.tif": colours(0xffffff, 0x0000ff, 0xff0000, 0x00ff00),
    },
    { masks: { classes: "potsdam" } },
  );
  expect(counts(potsdam!)).toMatchObject({ impervious_surface: { all: 8 }, building: { all: 8 }, tree: { all: 24 } });
  expect(potsdam!.unlabelled).toEqual({ all: 8 });
  expect(potsdam!.notes[0]).toContain("--val-share 0.2");
  const [isaid] = await check(
    {
      "train/images/images/P0.png": image(1),
      "train/Semantic_masks/images/images/P0_instance_color_RGB.png": colours(0, 0x00003f, 0x007fff),
    },
    { masks: { classes: "isaid" } },
  );
  expect(counts(isaid!)).toMatchObject({ background: { train: 8 }, ship: { train: 8 }, plane: { train: 32 } });
});

test("checkData: all that is wrong with masks, in the words of training", async () => {
  const [finding] = await check(
    {
      "images/a.png": image(1),
      "masks/a.png": mask(1, 9),
      "images/b.png": image(1),
      "masks/b.png": { size: [8, 5], rows: [1], bands: 1 },
      "images/c.png": "no picture",
      "masks/c.png": mask(1),
      "images/d.png": image(1),
      "images/e.png": image(3),
      "masks/e.png": mask(2),
    },
    { masks: { classes: "loveda" } },
  );
  const { problems, splits } = finding!;
  expect(splits).toEqual({ all: 4 });
  expect(problems).toEqual([
    "the image has no mask of its name in SET/masks (SET/images/d.png). Add the mask, or take the image out of the folder.",
    "the value 9 at column 0, row 1 of the mask is neither a class nor ignored (SET/masks/a.png). Say what the values of the masks mean, in the index or by --classes.",
    "the mask has 8 × 5 pixels, but its image has 8 × 6 (SET/masks/b.png). Every pixel of an image needs its label: cut or resample the one onto the other.",
    expect.stringMatching(/\(SET\/images\/c\.png\)/),
  ]);
});

const voc = (objects: string) => `<annotation><size><width>8</width><height>6</height></size>${objects}</annotation>`;
const object = (name: string, box: number[]) =>
  `<object><name>${name}</name><bndbox><xmin>${box[0]}</xmin><ymin>${box[1]}</ymin><xmax>${box[2]}</xmax><ymax>${box[3]}</ymax></bndbox></object>`;

test("checkData: boxes by class and split; every fault, the first as training says it", async () => {
  const files = {
    "train/JPEGImages/a.png": image(1),
    "train/Annotations/a.xml": voc(
      object("ship", [1, 1, 3, 3]) + object("ship", [9, 1, 12, 3]) + object("car", [2, 2, 2, 4]),
    ),
    "train/JPEGImages/a.png.aux.xml": "<PAMDataset/>",
    "train/JPEGImages/b.png": image(2),
    "train/Annotations/b.xml": voc(""),
    "val/JPEGImages/c.png": image(1),
    "val/Annotations/c.xml": voc(object("car", [1, 1, 3, 3])),
    "val/Annotations/d.xml": "<annotation>",
    "val/Annotations/e.xml": voc(""),
  };
  const [finding] = await check(files);
  expect(finding).toMatchObject({
    task: "detection",
    layout: "XML as VOC's, DIOR's or FAIR1M's",
    splits: { train: 2, val: 1 },
    empty: 1,
  });
  expect(counts(finding!)).toEqual({ car: { train: 0, val: 1 }, ship: { train: 1, val: 0 } });
  const { problems, notes } = finding!;
  expect(problems.length).toBe(5);
  expect(problems[0]).toMatch(/^the annotation is not valid: .*\(SET\/val\/Annotations\/d\.xml\)/);
  expect(problems[1]).toMatch(/^there is no image "e" \(SET/);
  expect(problems[2]).toMatch(/^object 2 \(ship\) lies outside of the image of 8×6 pixels/);
  expect(problems[3]).toMatch(/^object 3 \(car\) has no extent/);
  expect(problems[4]).toBe(
    "the same image is in train and in val (SET/train/JPEGImages/a.png, SET/val/JPEGImages/c.png). Remove one of them.",
  );
  expect(notes).toEqual(["ship: learnt from but not judged", "car: judged but not learnt from"]);
  const only = await folderOf({
    ...files,
    "val/Annotations/d.xml": voc(""),
    "val/JPEGImages/d.png": image(5),
    "val/JPEGImages/e.png": image(6),
  });
  await expect(openBoxSet(only, { oriented: false })).rejects.toThrow(problems[2]!.replace("SET", only));
});

test("checkData: folders of scenes; an empty one and a damaged image are named", async () => {
  const folder = await folderOf({ "airport/a.png": image(1), "beach/b.png": image(2), "beach/c.png": "x" });
  mkdirSync(join(folder, "desert"));
  const [finding] = await checkData(folder, { seed: 0, trainRatio: 0.5 });
  expect(finding).toMatchObject({ task: "classification", layout: "a folder for each class", unit: "images" });
  expect(finding!.problems.map((problem) => problem.replaceAll(folder, "SET"))).toEqual([
    "there is no image in the folder of this class (SET/desert). Add images, or remove the folder.",
    expect.stringContaining("SET/beach/c.png"),
  ]);
});

test("checkData: what no task knows is said", async () => {
  await expect(check({ "readme.txt": "" })).rejects.toThrow("nothing here looks like a data set");
  await expect(checkData("/nowhere", { seed: 0 })).rejects.toThrow("there is no such file or folder (/nowhere)");
});

const data = process.env.SKYSENSE_DATA;

test.skipIf(data === undefined)("checkData: real sets (SKYSENSE_DATA) without problems", async () => {
  const found = async (name: string) => {
    const findings = await checkData(join(data!, name), { seed: 0 });
    return findings.map(({ task, splits, problems }) => [task, splits, problems.length]);
  };
  expect(await found("inria-buildings")).toEqual([["segmentation", { train: 25, val: 9 }, 0]]);
  expect(await found("neon-trees-hbb")).toEqual([["detection", { train: 47, val: 10 }, 0]]);
});

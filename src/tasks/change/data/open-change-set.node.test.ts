import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { readSample } from "../../../train/data/read-sample.node.ts";
import { dividePairs, sampleOf } from "./change-set.ts";
import { openChangeSet } from "./open-change-set.node.ts";

const root = mkdtempSync(join(tmpdir(), "skysense-change-"));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
function folderOf(files: readonly string[] | Readonly<Record<string, string>>): string {
  const folder = join(root, String(folders++));
  for (const [name, text] of Array.isArray(files) ? files.map((f) => [f, ""]) : Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const [width, height] = [6, 4];
/** Pixel p holds `of(p)`. */
async function grey(file: string, of: (p: number) => number, type: "png" | "tiff") {
  mkdirSync(dirname(file), { recursive: true });
  const data = type === "png" ? new Uint8Array(width * height) : new Uint16Array(width * height);
  const image = sharp(
    data.map((_, p) => of(p)),
    { raw: { width, height, channels: 1 } },
  );
  await (type === "png"
    ? image.toColourspace("b-w").png().toFile(file)
    : image.toColourspace("grey16").tiff({ compression: "none" }).toFile(file));
}

const short = async (folder: string, options: object = {}) =>
  (await openChangeSet(folder, options)).items.map(({ before, after, mask, split }) =>
    [...before, ...after, mask].map((file) => file.slice(folder.length + 1)).concat(split ?? "none"),
  );

test("openChangeSet: LEVIR-CD's folders A, B and label, in folders of the splits or with lists of names", async () => {
  const levir = ["train", "val", "test"].flatMap((split) =>
    ["A", "B", "label"].map((folder) => `${split}/${folder}/${split}_1.png`),
  );
  expect(await short(folderOf(levir))).toEqual(
    ["test", "train", "val"].map((split) => [
      ...["A", "B", "label"].map((folder) => `${split}/${folder}/${split}_1.png`),
      split,
    ]),
  );
  const triplets = ["A/a.png", "B/a.png", "label/a.png", "A/b.jpg", "B/b.jpg", "label/b.png"];
  const listed = folderOf({
    ...Object.fromEntries(triplets.map((file) => [file, ""])),
    "list/train.txt": "a.png\n",
    "list/val.txt": "b.png\n",
  });
  expect(await short(listed)).toEqual([
    ["A/a.png", "B/a.png", "label/a.png", "train"],
    ["A/b.jpg", "B/b.jpg", "label/b.png", "val"],
  ]);
});

test("openChangeSet: a partner or a mask that is missing is named, and so is a folder without pairs", async () => {
  const alone = folderOf(["A/a.png", "B/b.png", "B/a.png", "label/a.png", "label/b.png"]);
  await expect(openChangeSet(alone)).rejects.toThrow(
    `the image has no partner of its name before it (${alone}/B/b.png)`,
  );
  const unlabelled = folderOf(["A/a.png", "B/a.png", "A/b.png", "B/b.png", "label/a.png"]);
  await expect(openChangeSet(unlabelled)).rejects.toThrow(`the pair has no mask of change (${unlabelled}/A/b.png)`);
  await expect(openChangeSet(folderOf(["x/a.png"]))).rejects.toThrow("Sort the images into folders A (before)");
  await expect(openChangeSet(join(root, "nowhere"))).rejects.toThrow("there is no such folder");
});

test("sampleOf: pictures of a triplet are two dates; masks hold 255 or 1 where something changed, and nothing else", async () => {
  const folder = join(root, "pictures");
  for (const name of ["A", "B"]) {
    mkdirSync(join(folder, name), { recursive: true });
    const value = name === "A" ? 10 : 20;
    await sharp({ create: { width, height, channels: 3, background: { r: value, g: 1, b: 2 } } })
      .png()
      .toFile(join(folder, name, "1.png"));
  }
  const mask = join(folder, "label/1.png");
  await grey(mask, (p) => (p === 3 ? 255 : p === 4 ? 1 : 0), "png");
  const set = await openChangeSet(folder);
  const { source, labelMap } = sampleOf(set.items[0]!, { set });
  const place = await readSample(source, labelMap);
  expect(place.hr!.shape).toEqual([2, 3, height, width]);
  expect([place.hr!.data[0], place.hr!.data[3 * width * height]]).toEqual([10, 20]);
  expect([...place.labelMap!.data.slice(0, 6)]).toEqual([0, 0, 0, 1, 1, 0]);
  await grey(mask, () => 7, "png");
  await expect(readSample(source, labelMap)).rejects.toThrow("the value 7 at column 0, row 0 of the mask");
});

const bands = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"];

test("openChangeSet: OSCD's cities, images and labels in the folders that they are published in", async () => {
  const folder = join(root, "oscd");
  const images = join(folder, "Onera Satellite Change Detection dataset - Images");
  const labels = (split: string) => join(folder, `Onera Satellite Change Detection dataset - ${split} Labels`);
  for (const [k, city] of ["pisa", "rio", "unlabelled"].entries()) {
    for (const date of [1, 2]) {
      for (const [b, band] of bands.entries()) {
        await grey(join(images, city, `imgs_${date}_rect`, `${band}.tif`), (p) => 500 * date + 100 * b + p, "tiff");
      }
    }
    writeFileSync(join(images, city, "dates.txt"), `date_1: 2015070${k + 1}\ndate_2: 20180211\n`);
  }
  await grey(join(labels("Train"), "pisa/cm/cm.png"), (p) => (p === 1 ? 255 : 0), "png");
  await grey(join(labels("Test"), "rio/cm/rio-cm.tif"), (p) => (p === 1 ? 2 : 1), "tiff");
  writeFileSync(join(images, "train.txt"), "pisa,unlabelled");
  writeFileSync(join(images, "test.txt"), "rio");

  const set = await openChangeSet(folder);
  expect(set.sensor).toBe("s2");
  expect(set.items.map(({ id, split, dates }) => [id, split, dates?.[0]])).toEqual([
    ["pisa", "train", "2015-07-01"],
    ["rio", "test", "2015-07-02"],
  ]);
  expect(dividePairs(set, { seed: 0 }).val.map(({ id }) => id)).toEqual(["rio"]);
  for (const item of set.items) {
    const { source, labelMap } = sampleOf(item, { set });
    const { s2, labelMap: truth } = await readSample(source, labelMap);
    expect(s2!.shape).toEqual([2, 10, height, width]);
    expect(s2!.bands.slice(0, 3)).toEqual(["B02", "B03", "B04"]);
    expect(s2!.dates).toEqual([item.dates![0], "2018-02-11"]);
    expect([s2!.data[2], s2!.data[10 * width * height + 2]]).toEqual([602, 1102]);
    expect([...truth!.data.slice(0, 3)]).toEqual([0, 1, 0]);
  }
  rmSync(join(images, "rio/imgs_2_rect"), { recursive: true });
  await expect(openChangeSet(folder)).rejects.toThrow("the city has no bands of this date");
});

const indexOf = (items: object[], more: object = {}) =>
  folderOf({ "index.json": JSON.stringify({ items, ...more }) });

test("openChangeSet: an index names before and after, a and b, or files of each date", async () => {
  const items = [
    { before: "1.tif", after: ["2.tif", "3.tif"], mask: "m.png", split: "train" },
    { a: "A/1.jpg", b: "B/1.jpg", mask: "l.png", dataset: "LEVIR-CD" },
  ];
  const folder = indexOf(items, { name: "pairs", sensor: "hr" });
  expect(await short(folder)).toEqual([
    ["1.tif", "2.tif", "3.tif", "m.png", "train"],
    ["A/1.jpg", "B/1.jpg", "l.png", "none"],
  ]);
  expect((await openChangeSet(folder, { subset: "LEVIR-CD" })).name).toBe("pairs: LEVIR-CD");
  await expect(openChangeSet(folder, { subset: "S2Looking" })).rejects.toThrow('the index holds no set "S2Looking"');
  const files = { t1_10m: "c/t1_10m.tif", t1_20m: "c/t1_20m.tif", t2_10m: "c/t2_10m.tif" };
  const cities = indexOf([{ files, dates: ["2016-01-20", "2018-03-28"], mask: "c/change.png" }]);
  expect((await openChangeSet(cities)).sensor).toBe("s2");
  expect(await short(cities)).toEqual([["c/t1_10m.tif", "c/t1_20m.tif", "c/t2_10m.tif", "c/change.png", "none"]]);
  await expect(openChangeSet(indexOf([{ before: "1.tif", mask: "m.png" }]))).rejects.toThrow("the file is not valid");
  const outside = indexOf([{ a: "../1.jpg", b: "2.jpg", mask: "m.png" }]);
  await expect(openChangeSet(outside)).rejects.toThrow("../1.jpg lies outside the folder");
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openBoxSet } from "./open-box-set.node.ts";

const folders: string[] = [];
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "skysense-boxes-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const horizontal = { oriented: false } as const;
const plain = ({ id, split, boxes, labels, difficult }: Awaited<ReturnType<typeof openBoxSet>>["items"][number]) => ({
  ...{ id, split, boxes: [...boxes], labels: [...labels], difficult: [...difficult] },
});

/** As DIOR ships them, shortened to one object. */
const diorHbb = `<annotation>
  <filename>00001.jpg</filename>
  <source><database>DIOR</database></source>
  <size><width>800</width><height>600</height><depth>3</depth></size>
  <segmented>0</segmented>
  <object><name>ship</name><pose>Unspecified</pose>
    <bndbox><xmin>10</xmin><ymin>20</ymin><xmax>30</xmax><ymax>60</ymax></bndbox>
  </object>
</annotation>`;
const diorObb = `<annotation>
  <filename>00001.jpg</filename>
  <size><width>800</width><height>800</height><depth>3</depth></size>
  <object><type>robndbox</type><name>ship</name><difficult>1</difficult><angle>0</angle>
    <robndbox>
      <x_left_top>10</x_left_top><y_left_top>20</y_left_top><x_right_top>50</x_right_top><y_right_top>20</y_right_top>
      <x_right_bottom>50</x_right_bottom><y_right_bottom>30</y_right_bottom>
      <x_left_bottom>10</x_left_bottom><y_left_bottom>30</y_left_bottom>
    </robndbox>
  </object>
</annotation>`;
const dior = {
  "Annotations/Horizontal Bounding Boxes/00001.xml": diorHbb,
  "Annotations/Oriented Bounding Boxes/00001.xml": diorObb,
  "ImageSets/Main/val.txt": "00001\n",
  "JPEGImages-trainval/00001.jpg": "",
};

test("openBoxSet: DIOR's XML, horizontal or oriented, with the splits of ImageSets", async () => {
  const folder = folderOf(dior);
  const set = await openBoxSet(folder, horizontal);
  expect(set.classes).toEqual(["ship"]);
  const item = { id: "JPEGImages-trainval/00001.jpg", split: "val", labels: [0] };
  expect(set.items.map(plain)).toEqual([{ ...item, boxes: [10, 20, 30, 60], difficult: [0] }]);
  expect(set.items[0]!.image).toBe(join(folder, "JPEGImages-trainval/00001.jpg"));
  const oriented = await openBoxSet(folder, { oriented: true });
  expect(oriented.items.map(plain)).toEqual([{ ...item, boxes: [30, 25, 40, 10, 0], difficult: [1] }]);
});

const fair1m = `<?xml version="1.0" encoding="utf-8"?>
<annotation>
  <source><filename>0.tif</filename><origin>GF2/GF3</origin></source>
  <size><width>1000</width><height>1000</height><depth>3</depth></size>
  <objects>
    <object>
      <coordinate>pixel</coordinate><type>rectangle</type><description>None</description>
      <possibleresult><name>Boeing737</name></possibleresult>
      <points>
        <point>10.000000,10.000000</point><point>10.000000,40.000000</point><point>20.000000,40.000000</point>
        <point>20.000000,10.000000</point><point>10.000000,10.000000</point>
      </points>
    </object>
  </objects>
</annotation>`;

test("openBoxSet: FAIR1M's XML, in parts with images of the same numbers", async () => {
  const folder = folderOf({
    "train/part1/labelXml/0.xml": fair1m,
    "train/part1/images/0.tif": "",
    "validation/labelXmls/0.xml": fair1m.replace("Boeing737", "A220"),
    "validation/images/0.tif": "",
  });
  const { items, classes } = await openBoxSet(folder, { oriented: true });
  expect(classes).toEqual(["A220", "Boeing737"]);
  const upright = [15, 25, 30, 10, Math.fround(-Math.PI / 2)];
  expect(items.map(plain)).toEqual([
    { id: "train/part1/images/0.tif", split: "train", boxes: upright, labels: [1], difficult: [0] },
    { id: "validation/images/0.tif", split: "val", boxes: upright, labels: [0], difficult: [0] },
  ]);
});

test("openBoxSet: DOTA's texts, with and without head and difficulty; an empty one is an image without objects", async () => {
  const folder = folderOf({
    "train/labelTxt-v1.0/P0001.txt":
      "imagesource:GoogleEarth\ngsd:0.146\n0.0 0.0 40.0 0.0 40.0 10.0 0.0 10.0 plane 1\r\n5 5 9 5 9 7 5 7 ship\n",
    "train/labelTxt-v1.0/P0002.txt": "",
    "train/images/P0001.png": "",
    "train/images/P0002.png": "",
  });
  const { items } = await openBoxSet(folder, { ...horizontal, classes: ["ship", "plane"] });
  expect(items.map(plain)).toEqual([
    {
      ...{ id: "train/images/P0001.png", split: "train", boxes: [0, 0, 40, 10, 5, 5, 9, 7], labels: [1, 0] },
      difficult: [1, 0],
    },
    { id: "train/images/P0002.png", split: "train", boxes: [], labels: [], difficult: [] },
  ]);
});

const coco = {
  images: [
    { id: 7, file_name: "a.jpg", width: 100, height: 50 },
    { id: 8, file_name: "b.jpg", width: 100, height: 50 },
  ],
  annotations: [{ id: 1, image_id: 7, category_id: 5, bbox: [90, 10, 20, 30], area: 600, iscrowd: 0 }],
  categories: [
    { id: 5, name: "tree" },
    { id: 2, name: "car" },
  ],
};
const cocoFolder = (json: object) =>
  folderOf({ "annotations/instances_train.json": JSON.stringify(json), "images/a.jpg": "", "images/b.jpg": "" });

test("openBoxSet: COCO's JSON, classes by their ids; boxes end at the image's border", async () => {
  const { items, classes } = await openBoxSet(cocoFolder(coco), horizontal);
  expect(classes).toEqual(["car", "tree"]);
  expect(items.map(plain)).toEqual([
    { id: "images/a.jpg", split: "train", boxes: [90, 10, 100, 40], labels: [1], difficult: [0] },
    { id: "images/b.jpg", split: "train", boxes: [], labels: [], difficult: [] },
  ]);
});

test("openBoxSet: an index with boxes or with texts of DOTA", async () => {
  const items = [
    { file: "images/a.jpg", width: 20, height: 20, split: "train", boxes: [[1, 2, 3, 4, "tree"]] },
    { file: "images/b.jpg", width: 20, height: 20, split: "val", labels: "labelTxt/b.txt", boxes: 1 },
  ];
  const index = JSON.stringify({ name: "Trees", classes: ["tree"], items });
  const folder = folderOf({ "index.json": index, "labelTxt/b.txt": "0 0 4 0 4 2 0 2 tree 0" });
  const set = await openBoxSet(folder, horizontal);
  expect([set.name, ...set.items.map(({ boxes }) => [...boxes])]).toEqual(["Trees", [1, 2, 3, 4], [0, 0, 4, 2]]);
});

test("openBoxSet: what is wrong is said with the file and what to do", async () => {
  const messageOf = async (files: Readonly<Record<string, string>>, rules: object = {}) => {
    const folder = folderOf(files);
    const error = await openBoxSet(folder, { ...horizontal, ...rules }).then(
      () => undefined,
      (cause: Error) => cause,
    );
    return error?.message.replaceAll(folder, "SET");
  };
  const xml = (box: string) => ({
    "a.xml": diorHbb.replace(/<bndbox>.*<\/bndbox>/, box),
    "a.jpg": "",
  });
  const bndbox = (...[x1, y1, x2, y2]: unknown[]) =>
    `<bndbox><xmin>${x1}</xmin><ymin>${y1}</ymin><xmax>${x2}</xmax><ymax>${y2}</ymax></bndbox>`;
  const skip = 'Correct it, or have such objects left out: { badBoxes: "leave out" } (--skip-bad-boxes).';
  expect(await messageOf(xml(bndbox(900, 20, 910, 30)))).toBe(
    `object 1 (ship) lies outside of the image of 800×600 pixels (900 20 910 30) (SET/a.xml). ${skip}`,
  );
  expect(await messageOf(xml(bndbox(30, 20, 30, 40)))).toBe(
    `object 1 (ship) has no extent (30 20 30 40) (SET/a.xml). ${skip}`,
  );
  const correct = "Correct the file, or fetch it again.";
  expect(await messageOf(xml(bndbox("x", 20, 30, 40)))).toBe(
    `the annotation is not valid: object 1 (ship) has "x" where a coordinate must be (SET/a.xml). ${correct}`,
  );
  expect(await messageOf(xml(""))).toBe(
    `the annotation is not valid: object 1 (ship) has no bndbox, no robndbox and no four points (SET/a.xml). ${correct}`,
  );
  expect(await messageOf({ "a.xml": "<annotation><object></annotation>", "a.jpg": "" })).toMatch(
    /^the annotation is not valid: line 1: .*object.* \(SET\/a\.xml\)\. Correct/,
  );
  expect(await messageOf({ "labelTxt/a.txt": "1 2 3 ship", "a.jpg": "" })).toBe(
    `the annotation is not valid: line 1 has 4 words instead of 9 or 10 (SET/labelTxt/a.txt). ${correct}`,
  );
  expect(await messageOf({ "labelTxt/a.txt": "" })).toBe(
    'there is no image "a" (SET/labelTxt/a.txt). Put the images below the set\'s folder, with the names of their annotations.',
  );
  expect(await messageOf({ "labelTxt/a.txt": "", "a.jpg": "" })).toBe(
    "none of the 1 images has an object (SET). Give a set with objects; single images without one are fine.",
  );
  expect(await messageOf(dior, { classes: ["plane"] })).toBe(
    '"ship" is none of the classes plane (SET/Annotations/Horizontal Bounding Boxes/00001.xml). Add it to --classes, or correct the file.',
  );
  expect(await messageOf({ "a.jpg": "" })).toMatch(/^no boxes were found: .*\(SET\)\. Give the folder/);
});

test("openBoxSet: bad boxes are left out when asked, and listed", async () => {
  const bad = { ...coco, annotations: [...coco.annotations, { image_id: 8, category_id: 2, bbox: [1, 1, 0, 5] }] };
  const folder = cocoFolder(bad);
  await expect(openBoxSet(folder, horizontal)).rejects.toThrow("has no extent");
  const { leftOut, items } = await openBoxSet(folder, { ...horizontal, badBoxes: "leave out" });
  expect(leftOut.map((text) => text.replace(folder, "SET"))).toEqual([
    "SET/annotations/instances_train.json: object 1 (car) has no extent (1 1 1 6)",
  ]);
  expect(items[1]!.labels.length).toBe(0);
});

const data = process.env.SKYSENSE_DATA;

test.skipIf(data === undefined)("openBoxSet: real sets (SKYSENSE_DATA), horizontal and oriented", async () => {
  const count = async (name: string, oriented: boolean) => {
    const { items } = await openBoxSet(join(data!, name), { oriented, badBoxes: "leave out" });
    return [items.length, items.reduce((sum, { labels }) => sum + labels.length, 0)];
  };
  expect(await count("dior-hbb", false)).toEqual([88, 3399]);
  expect(await count("hrsc2016-obb", true)).toEqual([100, 275]);
  // Two of its 1215 boxes are flat.
  expect(await count("dota-samples-obb", true)).toEqual([7, 1213]);
});

test("openBoxSet: two annotations of one image are refused, or the first is kept", async () => {
  const line = (name: string) => `10 20 50 20 50 30 10 30 ${name} 0\n`;
  const folder = folderOf({
    "images/P0000.png": "",
    "labelTxt-v1.0/P0000.txt": line("ship"),
    "labelTxt-v1.5/P0000.txt": line("ship") + line("crane"),
  });
  await expect(openBoxSet(folder, { oriented: true })).rejects.toThrow(
    /^the objects of images\/P0000.png stand there twice, and in .*labelTxt-v1.0.P0000.txt too \(.*labelTxt-v1.5.P0000.txt\)\. Keep one/,
  );
  const faults: string[] = [];
  const set = await openBoxSet(folder, { oriented: true, onFault: ({ code }) => faults.push(code) });
  expect(faults).toEqual(["IMAGE_TWICE"]);
  expect(set.items.map(({ labels }) => labels.length)).toEqual([1]);
});

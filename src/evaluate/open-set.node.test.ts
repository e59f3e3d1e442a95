import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSet } from "./open-set.node.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "skysense-set-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function picture(path: string, { channels = 3, side = 32 } = {}) {
  await mkdir(join(path, ".."), { recursive: true });
  const background = { r: 40, g: 90, b: 60, alpha: 1 };
  const image = sharp({ create: { width: side, height: side, channels: 3, background } });
  await (channels === 1 ? image.greyscale() : image).png().toFile(path);
}

test("openSet: a folder for each class, in the order of their names, without what is no image", async () => {
  const path = join(root, "folders");
  await picture(join(path, "Water/b.png"));
  await picture(join(path, "Water/a.png"));
  await picture(join(path, "Forest/1.png"), { side: 50 });
  await writeFile(join(path, "Forest/1.png.skysense.json"), "{}");
  await mkdir(join(path, ".hidden"));
  const set = await openSet(path);
  expect([set.name, set.classes, set.multiLabel]).toEqual(["folders", ["Forest", "Water"], false]);
  expect(set.samples.map(({ id, labels }) => [id, ...labels])).toEqual([
    ["Forest/1.png", 0],
    ["Water/a.png", 1],
    ["Water/b.png", 1],
  ]);
  const place = await set.samples[0]!.read();
  expect(place.hr!.shape).toEqual([1, 3, 64, 64]); // two whole cells
  expect(place.hr!.mask!.reduce((sum, v) => sum + v, 0)).toBe(50 * 50);
  expect([...place.hr!.data.slice(0, 2)]).toEqual([40, 40]);
  const sized = await openSet(path, { size: 24 });
  expect((await sized.samples[0]!.read()).hr!.shape).toEqual([1, 3, 24, 24]);
});

test("openSet: a stamp changes with the image and with what is said of it", async () => {
  const path = join(root, "stamps");
  await picture(join(path, "A/1.png"));
  const [sample] = (await openSet(path)).samples;
  const before = await sample!.stamp();
  expect(await sample!.stamp()).toBe(before);
  await writeFile(join(path, "A/1.png.skysense.json"), "{}");
  expect(await sample!.stamp()).not.toBe(before);
});

test("openSet: an index gives classes, splits and several labels", async () => {
  const path = join(root, "index");
  await mkdir(path);
  const items = [
    { file: "x/1.tif", labels: ["Pastures", "Arable land"], split: "train" },
    { file: "x/2.tif", labels: [] },
  ];
  await writeFile(join(path, "index.json"), JSON.stringify({ name: "BEN", items }));
  const set = await openSet(path);
  expect([set.name, set.classes, set.multiLabel]).toEqual(["BEN", ["Arable land", "Pastures"], true]);
  expect(set.samples.map(({ labels, split }) => [labels, split])).toEqual([
    [[1, 0], "train"],
    [[], undefined],
  ]);
});

const index = (items: unknown) => JSON.stringify({ classes: ["A"], items });
const badIndexes = {
  "no items": ["{}", "items: Invalid input: expected array, received undefined"],
  "no JSON": ["{", "it is no JSON"],
  "no label": [index([{ file: "a.png" }]), "a.png has no label, which is not among the classes"],
  "an unknown class": [
    index([{ file: "a.png", label: "B" }]),
    "a.png has the class B, which is not among the classes",
  ],
  "a file elsewhere": [index([{ file: "../../etc/passwd", label: "A" }]), "../../etc/passwd lies outside the folder"],
} as const;

test.for(Object.entries(badIndexes))(
  "openSet: an index with %s is an error that says so",
  async ([name, [text, what]]) => {
    const path = join(root, name);
    await mkdir(path);
    await writeFile(join(path, "index.json"), text);
    const error = await openSet(path).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "BAD_INDEX", where: join(path, "index.json") });
    expect((error as Error).message).toContain(what);
  },
);

test("openSet: a missing folder, a file, an empty folder and an empty class are named", async () => {
  const empty = join(root, "empty");
  await mkdir(join(empty, "A"), { recursive: true });
  await expect(openSet(join(root, "nowhere"))).rejects.toThrow("the folder does not exist");
  await expect(openSet("package.json")).rejects.toThrow("this is a file, not a folder (package.json).");
  await expect(openSet(empty)).rejects.toThrow("there is no image in the folder of this class");
  await expect(openSet(join(empty, "A"))).rejects.toThrow("Put images into folders named by their class");
});

test("openSet: a grey picture is one of equal colours, and a damaged one is an error when it is read", async () => {
  const path = join(root, "grey");
  await picture(join(path, "A/1.png"), { channels: 1 });
  await writeFile(join(path, "A/2.png"), Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(40)]));
  const { samples } = await openSet(path);
  const { data, shape } = (await samples[0]!.read()).hr!;
  expect([shape, data[0], data[1024]]).toEqual([[1, 3, 32, 32], data[2048], data[2048]]);
  await expect(samples[1]!.read()).rejects.toMatchObject({ name: "SkySenseError", where: join(path, "A/2.png") });
});

test("openSet: series of pixels become dated places of one pixel", async () => {
  const path = join(root, "series");
  await mkdir(path);
  const channels = ["S2 B02", "S2 B08", "S1 VV", "S1 VH", "AgERA5 precipitation"];
  const sample = (id: string, label: string) => ({ id, label, lat: 50.5, lon: 4.25 });
  const set = {
    set: "flanders",
    values: "values.u16le",
    shape: [2, 2, 5],
    dates: ["2021-01-01", "2021-02-01"],
    split: "train",
    samples: [sample("p", "maize"), { ...sample("q", "grass"), label: null, code: "2260" }],
  };
  await writeFile(
    join(path, "index.json"),
    JSON.stringify({ name: "WC", channels, sets: [set, { ...set, set: "other" }] }),
  );
  const values = [
    [500, 3000, 2000, 1000, 7],
    [65535, 3000, 100, 10, 7],
    [1, 2, 65535, 65535, 7],
    [3, 4, 0, 65535, 7],
  ].flat();
  await writeFile(join(path, "values.u16le"), new Uint8Array(Uint16Array.from(values).buffer));
  await expect(openSet(path)).rejects.toThrow("WC holds several sets");
  await expect(openSet(path, { subset: "france" })).rejects.toThrow("Choose one by --subset: flanders, other.");
  const { name, classes, samples } = await openSet(path, { subset: "flanders" });
  expect([name, classes]).toEqual(["WC, flanders", ["code 2260", "maize"]]);
  const [p, q] = [await samples[0]!.read(), await samples[1]!.read()];
  expect(p.location).toEqual({ longitude: 4.25, latitude: 50.5 });
  expect(p.s2).toMatchObject({ shape: [2, 2, 1, 1], bands: ["B02", "B08"], dates: set.dates });
  expect([...p.s2!.mask!, ...p.s2!.data.slice(0, 2)]).toEqual([1, 0, 500, 3000]);
  // 20 log₁₀ v − 83: amplitudes of 100 and 10 are −43 and −63 dB.
  expect([...p.s1!.data.slice(2)].map((v) => Math.round(v))).toEqual([-43, -63]);
  expect([q.s1, q.s2!.data[3]]).toEqual([undefined, 4]);
});

test("openSet: values that do not fit their index are an error", async () => {
  const path = join(root, "short");
  await cp(join(root, "series"), path, { recursive: true });
  await writeFile(join(path, "values.u16le"), new Uint8Array(6));
  const { samples } = await openSet(path, { subset: "flanders" });
  await expect(samples[0]!.read()).rejects.toThrow("the file has 6 bytes, the index says 40");
});

test("openSet: an index.csv says the same, with labels between semicolons or a column for each class", async () => {
  const path = join(root, "csv");
  await mkdir(path);
  const index = join(path, "index.csv");
  const read = async (text: string) => {
    await writeFile(index, text);
    const { classes, multiLabel, samples } = await openSet(path);
    return { classes, multiLabel, items: samples.map(({ id, labels, split }) => [id, [...labels], split]) };
  };
  expect(await read('\uFEFFfile,labels,split\r\na.png,"Water; Forest",train\r\n\r\n"b, 2.png",,val\r\n')).toEqual({
    classes: ["Forest", "Water"],
    multiLabel: true,
    items: [
      ["a.png", [1, 0], "train"],
      ["b, 2.png", [], "val"],
    ],
  });
  expect(await read('file,Water,"Arable ""land"""\na.png,1,0\nb.png,1,1')).toEqual({
    classes: ["Water", 'Arable "land"'],
    multiLabel: true,
    items: [
      ["a.png", [0], undefined],
      ["b.png", [0, 1], undefined],
    ],
  });
  expect(await read("label,file\nWater,a.png\n")).toMatchObject({ classes: ["Water"], multiLabel: false });
  const refused = (text: string) =>
    read(text).then(
      () => expect.fail("it was read"),
      (error: Error) => error.message,
    );
  expect(await refused("a.png,Water\n")).toContain('the first line does not name a column "file"');
  expect(await refused("file,Water\na.png,2\n")).toContain('line 2 has "2" for the class Water, not 0 or 1');
  expect(await refused("file,label\na.png\n")).toContain("line 2 has 1 columns instead of 2");
  expect(await refused('file,label\na.png,"Wa\n')).toContain("line 2 has a quote that is not closed");
  expect(await refused("file,label\n")).toMatch(/items: .*\(.*index\.csv\)\. An example: "file,labels,split"/);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test, vi } from "vitest";
import { checkData } from "../../check/check-data.node.ts";

vi.setConfig({ testTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), "skysense-check-change-"));
afterAll(() => rmSync(root, { recursive: true }));

const [width, height] = [6, 4];

/** A mask (grey, PNG), an image (RGB, PNG) or a band (16 bits, TIFF) of one value but for its first pixel. */
async function picture(file: string, { of, first = of, size = [width, height] }: Picture): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  const [w, h] = size;
  const bands = /[/](A|B)[/]/.test(file) ? 3 : 1;
  const type = file.endsWith(".tif") ? Uint16Array : Uint8Array;
  const data = new type(w! * h! * bands).fill(of);
  data.fill(first, 0, bands);
  const pixels = sharp(data, { raw: { width: w!, height: h!, channels: bands } });
  const space = file.endsWith(".tif") ? "grey16" : bands === 1 ? "b-w" : "srgb";
  await (file.endsWith(".tif") ? pixels.tiff({ compression: "none" }) : pixels.png())
    .toColourspace(space)
    .toFile(file);
}

interface Picture {
  of: number;
  first?: number;
  size?: readonly number[];
}

/** What is found, by the one task that knows the folder. */
async function check(folder: string, options: object = {}) {
  const findings = await checkData(join(root, folder), { seed: 0, ...options });
  expect(findings.map(({ task }) => task)).toEqual(["change"]);
  const { problems, classes, ...rest } = findings[0]!;
  return {
    ...rest,
    problems: problems.map((problem) => problem.replaceAll(join(root, folder), "SET")),
    classes: Object.fromEntries(classes.map(({ name, counts }) => [name, counts])),
  };
}

test("checkData: LEVIR-CD is pairs with masks of change, and neither images with masks nor folders of scenes", async () => {
  const at = (name: string) => join(root, "levir", name);
  for (const [k, split] of ["train", "val"].entries()) {
    await picture(at(`${split}/A/1.png`), { of: 10 + k });
    await picture(at(`${split}/B/1.png`), { of: 20 + k });
    await picture(at(`${split}/label/1.png`), { of: 0, first: k === 0 ? 255 : 0 });
  }
  expect(await check("levir")).toMatchObject({
    ...{ layout: "folders A, B and label", unit: "pixels", noun: "pair", problems: [] },
    splits: { train: 1, val: 1 },
    classes: { unchanged: { train: 23, val: 24 }, changed: { train: 1, val: 0 } },
    sizes: [{ name: "6 × 4 pixels, 2 dates", count: 2 }],
    notes: ["changed: learnt from but not judged"],
  });
  // A share instead of the set's splits, as training takes it, is no other set.
  expect((await check("levir", { task: "change", valShare: 0.5 })).splits).toEqual({ train: 1, val: 1 });
});

test("checkData: pairs that lack an image or a mask, of other sizes, with values that mean nothing", async () => {
  const at = (name: string) => join(root, "faults", name);
  const of = 9;
  for (const name of ["ok", "no-b", "no-mask", "size", "mask-size", "value"]) {
    await picture(at(`A/${name}.png`), { of });
    if (name !== "no-b") await picture(at(`B/${name}.png`), { of, size: name === "size" ? [5, 4] : [width, height] });
    const size = name === "mask-size" ? [6, 5] : [width, height];
    if (name !== "no-mask") await picture(at(`label/${name}.png`), { of: 0, first: name === "value" ? 7 : 0, size });
  }
  mkdirSync(at("list"));
  writeFileSync(at("list/train.txt"), "ok.png\nsize.png\nmask-size.png\nvalue.png\ngone.png\n");
  const found = await check("faults");
  expect(found.splits).toEqual({ train: 4 });
  expect(found.problems).toEqual([
    "the image has no partner of its name after it (SET/A/no-b.png). Add the missing image, or take this one out of the folder.",
    "the pair has no mask of change (SET/A/no-mask.png). Add the mask, or take the pair out of the set.",
    expect.stringContaining("the mask has 6 × 5 pixels, but its image has 6 × 4 (SET/label/mask-size.png)"),
    expect.stringContaining("5 × 4 pixels do not fit over the 6 × 4 of SET/A/size.png (SET/B/size.png)"),
    expect.stringContaining("the value 7 at column 0, row 0 of the mask is neither a class nor ignored"),
  ]);
  expect(found.notes[0]).toBe("in the list of a split, but not here: 1 image, as gone");
});

const bands = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"];

test("checkData: OSCD's cities; without labels or dates, with a date or a band that is missing", async () => {
  const images = join(root, "oscd", "Onera Satellite Change Detection dataset - Images");
  const labels = join(root, "oscd", "Onera Satellite Change Detection dataset - Train Labels");
  for (const city of ["bercy", "nantes", "pisa", "rio"]) {
    for (const date of [1, 2]) {
      if (city === "nantes" && date === 2) continue;
      for (const band of bands)
        await picture(join(images, city, `imgs_${date}_rect`, `${band}.tif`), { of: 500 * date });
    }
    if (city !== "pisa") writeFileSync(join(images, city, "dates.txt"), "date_1: 20150701\ndate_2: 20180211\n");
    if (city !== "rio") await picture(join(labels, city, "cm", "cm.png"), { of: 0, first: 255 });
  }
  writeFileSync(join(images, "train.txt"), "bercy,pisa,nantes,paris");
  const found = await check("oscd");
  expect(found).toMatchObject({
    ...{
      layout: "cities of OSCD",
      splits: { train: 2 },
      classes: { changed: { train: 2 }, unchanged: { train: 46 } },
    },
    sizes: [{ name: "6 × 4 pixels, 2 dates", count: 2 }],
  });
  expect(found.problems).toEqual([
    expect.stringMatching(/^the city has no bands of this date \(.*nantes\/imgs_2_rect\)/),
  ]);
  expect(found.notes.slice(0, 3)).toEqual([
    "rio: without labels, so left out",
    "paris: in the list of a split, but not here",
    "pisa: without dates",
  ]);
  rmSync(join(images, "bercy/imgs_2_rect/B05.tif"));
  expect((await check("oscd")).problems.length).toBe(2);
});

test("checkData: an index of pairs, whose files are missing", async () => {
  const at = (name: string) => join(root, "index", name);
  await picture(at("A/1.png"), { of: 1 });
  await picture(at("B/1.png"), { of: 2 });
  await picture(at("m.png"), { of: 0, first: 1 });
  const items = [
    { a: "A/1.png", b: "B/1.png", mask: "m.png", split: "train" },
    { before: "A/1.png", after: "B/2.png", mask: "m.png", split: "val" },
  ];
  writeFileSync(at("index.json"), JSON.stringify({ classes: ["unchanged", "changed"], items }));
  const found = await check("index");
  expect(found).toMatchObject({ layout: "index.json of pairs with masks", splits: { train: 1, val: 1 } });
  expect(found.problems[0]).toContain("SET/B/2.png");
});

const data = process.env.SKYSENSE_DATA;

test.skipIf(data === undefined)("checkData: real pairs (SKYSENSE_DATA) without problems", async () => {
  for (const name of ["change-hr", "oscd"]) {
    const findings = await checkData(join(data!, name), { seed: 0 });
    expect(findings.map(({ task, problems }) => [task, problems])).toEqual([["change", []]]);
  }
});

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/cli.ts";
import { findInSet } from "./index-sets.node.ts";

const data = process.env.SKYSENSE_DATA ?? "";
if (data === "") console.log("SKYSENSE_DATA is not set: tests on real data sets are skipped");

function writeSet(root: string, name: string, index: unknown): string {
  mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, name, "index.json"), JSON.stringify(index));
  return join(root, name);
}

const item = (file: string, split?: string) => ({ file, label: "Airport", ...(split && { split }) });

test("findInSet: labels are dropped, and items of other splits than train are held out", async () => {
  const items = [item("a/1.jpg", "train"), item("a/2.jpg", "val"), item("a/3.jpg", "test"), item("a/4.jpg")];
  const folder = writeSet(temporaryFolder(), "scenes", { classes: ["Airport"], items });
  expect(await findInSet(folder)).toEqual({
    places: ["a/1.jpg", "a/4.jpg"].map((file) => ({ id: `scenes/${file}`, files: [file], folder })),
    heldOut: 2,
    skipped: [],
  });
});

test("findInSet: what a set beside it holds out of the same places is held out too", async () => {
  const root = temporaryFolder();
  writeSet(root, "aid", { items: [item("Airport/airport_1.jpg", "val"), item("Airport/airport_2.jpg", "train")] });
  const captions = { items: [item("images/airport_1.jpg", "train"), item("images/airport_2.jpg", "train")] };
  const { places, heldOut } = await findInSet(writeSet(root, "rsicd", captions));
  expect([places.map(({ id }) => id), heldOut]).toEqual([["rsicd/images/airport_2.jpg"], 1]);
  const other = await findInSet(writeSet(root, "another", captions));
  expect(other.heldOut).toBe(0);
});

test("findInSet: bands, dates and units that the index states are passed on", async () => {
  const root = temporaryFolder();
  const bands = ["B01", "B02", "B03", "B04"];
  const ms = await findInSet(writeSet(root, "ms", { bands, items: [item("1.tif", "train")] }));
  expect(ms.places[0]).toMatchObject({ files: ["1.tif"], options: { s2: { bands } } });
  const pair = { place: "rome", dates: ["2016-01-20", "2018-03-28"], files: { t1_10m: "t1.tif", t2_10m: "t2.tif" } };
  const pairs = await findInSet(writeSet(root, "pairs", { items: [pair] }));
  expect(pairs.places[0]!.describe).toEqual({
    files: [
      { file: "t1.tif", sensor: "s2", dates: "2016-01-20" },
      { file: "t2.tif", sensor: "s2", dates: "2018-03-28" },
    ],
  });
  const radar = await findInSet(writeSet(root, "floods", { items: [{ id: "x", s1: "s1.tif", label: "label.tif" }] }));
  expect(radar.places[0]).toMatchObject({ files: ["s1.tif"], describe: { files: [{ units: "dB*100" }] } });
});

test("findInSet: pictures that differ in nothing but their dates are one place", async () => {
  const items = ["2009-08-18", "2010-06-29"].map((date) => ({ date, file: `${date}.tif` }));
  const { places } = await findInSet(writeSet(temporaryFolder(), "series", { items }));
  expect(places.map(({ files }) => files)).toEqual([["2009-08-18.tif", "2010-06-29.tif"]]);
});

test("findInSet: items and sets without images are named with the reason", async () => {
  const root = temporaryFolder();
  const odd = await findInSet(writeSet(root, "odd", { items: [{ id: "what", text: "?" }] }));
  expect(odd).toMatchObject({
    places: [],
    skipped: [{ id: "odd/what", reason: expect.stringContaining("known way") }],
  });
  const pixels = await findInSet(writeSet(root, "pixels", { sets: [] }));
  expect(pixels.skipped).toEqual([{ id: "pixels", reason: "its index lists no items with images" }]);
  mkdirSync(join(root, "broken"));
  writeFileSync(join(root, "broken", "index.json"), "{");
  const where = join(root, "broken", "index.json");
  await expect(findInSet(join(root, "broken"))).rejects.toMatchObject({ code: "BAD_INDEX", where });
});

/** All strings in an item that name files which exist. */
function filesOf(item: unknown, folder: string): string[] {
  if (typeof item === "string") return existsSync(join(folder, item)) ? [item] : [];
  return typeof item === "object" && item !== null
    ? Object.values(item).flatMap((value) => filesOf(value, folder))
    : [];
}

test.skipIf(data === "")("real sets: no file of a val item, and no mask or label, is in the list", async () => {
  const held = new Map<string, Set<string>>();
  const sets = readdirSync(data).filter((name) => existsSync(join(data, name, "index.json")));
  const itemsOf = (set: string) =>
    (JSON.parse(readFileSync(join(data, set, "index.json"), "utf8")).items ?? []) as { split?: string }[];
  for (const set of sets) {
    const val = itemsOf(set).filter(({ split }) => split === "val");
    held.set(set, new Set(val.flatMap((item) => filesOf(item, join(data, set)))));
  }
  const notImages = /mask|label|lulc|dem\.tif|change\.png|elevation|cloud|ndvi|product|worldcereal_2021/i;
  const sameNames = new Set(
    ["aid", "rsicd", "airplanes-hbb"].flatMap((set) => [...held.get(set)!].map((file) => parse(file).name)),
  );
  const wrong: string[] = [];
  let listed = 0;
  for (const set of sets) {
    const { places } = await findInSet(join(data, set));
    const shared = ["aid", "rsicd", "airplanes-hbb"].includes(set);
    for (const file of places.flatMap(({ files }) => files)) {
      listed++;
      const kept = held.get(set)!.has(file) || (shared && sameNames.has(parse(file).name));
      if (kept || notImages.test(file) || !existsSync(join(data, set, file))) wrong.push(`${set}/${file}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(listed).toBeGreaterThan(6000);
});

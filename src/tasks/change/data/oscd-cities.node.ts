import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { keepSound, type OnFault } from "../../../core/faults.ts";
import { parseDate } from "../../../imagery/sensor/dates.ts";
import type { LabelCoding } from "../../../train/data/label-map.ts";
import type { ChangeItem, ChangeSet } from "./change-set.ts";
import { noMask } from "./triplets.node.ts";

/** OSCD's masks are pictures of 0 and 255, or GeoTIFFs of 1 and 2. */
const ofTiff: LabelCoding = {
  values: [
    [1, 0],
    [2, 1],
  ],
  colours: [],
};

const before = "imgs_1_rect";
const after = "imgs_2_rect";
/** The bands of 60 m that the model does not take are not opened. */
const bands = /^B(02|03|04|05|06|07|08|8A|11|12)\.tif$/i;

/**
 * OSCD as it is published (Daudt et al. 2018): CITY/imgs_1_rect and imgs_2_rect with a GeoTIFF for each band on one grid
 * of 10 m, CITY/cm/cm.png or CITY-cm.tif, dates.txt in each city, train.txt and test.txt. Images and labels may lie in
 * folders of their own, of any name. Cities whose labels are nowhere are left out where the labels of others exist.
 *
 * @returns undefined: there are no such folders
 * @throws SkySenseError `NO_PARTNER` | `NO_MASK`
 */
export async function openCities(
  path: string,
  onFault: OnFault,
): Promise<Pick<ChangeSet, "items" | "scene" | "notes"> | undefined> {
  const roots = [path, ...(await foldersOf(path))];
  const nested = (await Promise.all(roots.slice(1).map(foldersOf))).flat();
  const cities: { name: string; folder: string; root: string }[] = [];
  const labels = new Map<string, string>();
  const splits = new Map<string, string>();
  for (const root of [...roots, ...nested]) {
    for (const split of ["train", "test", "val"]) {
      const list = await readFile(join(root, `${split}.txt`), "utf8").catch(() => "");
      for (const city of list.split(/[\s,]+/)) if (city !== "") splits.set(city, split);
    }
    for (const folder of await foldersOf(root)) {
      const name = folder.slice(root.length + 1);
      if (await exists(join(folder, before))) cities.push({ name, folder, root });
      const mask = await firstOf([join(folder, "cm", "cm.png"), join(folder, "cm", `${name}-cm.tif`)]);
      if (mask !== undefined) labels.set(name, mask);
    }
  }
  if (cities.length === 0) return undefined;
  const labelled = cities.filter(({ name }) => labels.has(name));
  if (labelled.length === 0) throw noMask(cities[0]!.folder);
  const open = async ({ name, folder }: (typeof cities)[number]): Promise<ChangeItem> => {
    const mask = labels.get(name)!;
    return {
      id: name,
      before: await bandsOf(join(folder, before)),
      after: await bandsOf(join(folder, after)),
      dates: await datesOf(join(folder, "dates.txt")),
      mask,
      coding: mask.endsWith(".tif") ? ofTiff : undefined,
      split: splits.get(name),
    };
  };
  const items = await keepSound(onFault, labelled.map(open));
  const named = new Set(cities.map(({ name }) => name));
  const notes = [
    ["without labels, so left out", cities.map(({ name }) => name).filter((name) => !labels.has(name))] as const,
    ["in the list of a split, but not here", [...splits.keys()].filter((name) => !named.has(name))] as const,
    ["without dates", items.flatMap(({ id, dates }) => (dates === undefined ? [id] : []))] as const,
  ].flatMap(([what, names]) => (names.length === 0 ? [] : [`${names.join(", ")}: ${what}`]));
  // All are of 2015 to 2018: before products had an offset.
  return { items, notes, scene: { s2: { offset: 0 } } };
}

/** Whether there are folders of cities as OSCD has them. */
export function hasCities(files: readonly string[]): boolean {
  return files.some((file) => file.split("/").includes(before));
}

async function foldersOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name))
    .sort();
}

async function bandsOf(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(() => []);
  const found = files.filter((file) => bands.test(file)).sort();
  if (found.length > 0) return found.map((file) => join(folder, file));
  throw new SkySenseError({
    code: "NO_PARTNER",
    what: "the city has no bands of this date",
    where: folder,
    remedy: "Add B02.tif, B03.tif, … of both dates, or take the city out of the set.",
  });
}

/** "date_1: 20160120" and "date_2: …"; undefined: they are not there. */
async function datesOf(file: string): Promise<ChangeItem["dates"]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const [first, second] = [...text.matchAll(/\b(\d{4})-?(\d\d)-?(\d\d)\b/g)].map(([, y, m, d]) =>
    parseDate(`${y}-${m}-${d}`),
  );
  return first === undefined || second === undefined ? undefined : [first, second];
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

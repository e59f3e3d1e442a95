import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, extname, join, sep } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { mapSound, type OnFault } from "../../../core/faults.ts";
import { formatCount } from "../../../report/format.ts";
import type { ChangeItem, ChangeSet } from "./change-set.ts";

const pictures = /\.(png|jpe?g|webp|tiff?|bmp)$/i;

/** What folders of the first images, the second ones and the masks are called. */
const names = [
  [/^(A|T1|im1|before|pre|time1)$/i, "before"],
  [/^(B|T2|im2|after|post|time2)$/i, "after"],
  [/^(label|labels|OUT|mask|masks|gt)$/i, "mask"],
] as const;
type Role = (typeof names)[number][1];

const splits: Record<string, string> = { train: "train", val: "val", valid: "val", test: "test" };

/**
 * Images and masks of one name in folders A, B and label beside each other, wherever below `path`. Splits are folders
 * above them (LEVIR-CD's own layout: train/A, …), or lists of names beside them (list/train.txt, as BIT's copies have).
 *
 * @throws SkySenseError `NO_PAIRS` | `NO_PARTNER` | `NO_MASK`
 */
export async function pairTriplets(path: string, onFault: OnFault): Promise<Pick<ChangeSet, "items" | "notes">> {
  const files = (await readdir(path, { recursive: true })).map((file) => file.split(sep).join("/")).sort();
  const items: ChangeItem[] = [];
  const absent: string[] = [];
  const groups = groupTriplets(files);
  for (const [group, { before, after, mask }] of groups) {
    const listed = await readLists(join(path, group), files, group);
    const at = (file: string) => join(path, file);
    const pair = (name: string): ChangeItem => {
      const [a, b, label] = [before.get(name), after.get(name), mask.get(name)];
      if (a === undefined || b === undefined) throw noPartner(at((a ?? b)!), a === undefined);
      if (label === undefined) throw noMask(at(a));
      return {
        ...{ id: a, before: [at(a)], after: [at(b)], mask: at(label) },
        split: listed.get(name) ?? splitOf(group),
      };
    };
    const names = new Set([...before.keys(), ...after.keys()]);
    items.push(...mapSound(onFault, [...names], pair));
    absent.push(...[...listed.keys()].filter((name) => !names.has(name)));
  }
  const notes =
    absent.length === 0
      ? []
      : [`in the list of a split, but not here: ${formatCount(absent.length, "image")}, as ${absent[0]}`];
  if (groups.size > 0) return { items, notes };
  throw new SkySenseError({
    code: "NO_PAIRS",
    what: "there are no pairs here: neither index.json, nor folders A, B and label, nor cities with imgs_1_rect",
    where: path,
    remedy: "Sort the images into folders A (before), B (after) and label, with the same names in each.",
  });
}

/** Whether there are folders of first images, second ones and masks beside each other. */
export function hasTriplets(files: readonly string[]): boolean {
  return groupTriplets(files).size > 0;
}

/** Of each folder that has all three: the files by their role and name. */
function groupTriplets(files: readonly string[]): Map<string, Record<Role, Map<string, string>>> {
  const groups = new Map<string, Record<Role, Map<string, string>>>();
  for (const file of files) {
    const role = pictures.test(file) ? roleOf(basename(dirname(file))) : undefined;
    if (role === undefined) continue;
    const group = dirname(dirname(file));
    if (!groups.has(group)) groups.set(group, { before: new Map(), after: new Map(), mask: new Map() });
    groups.get(group)![role].set(basename(file, extname(file)), file);
  }
  const whole = [...groups].filter(([, roles]) => Object.values(roles).every(({ size }) => size > 0));
  return new Map(whole);
}

function roleOf(folder: string): Role | undefined {
  return names.find(([pattern]) => pattern.test(folder))?.[1];
}

/** Of each name in list/train.txt and its like, its split. */
async function readLists(folder: string, files: readonly string[], group: string): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  for (const file of files) {
    const split = splits[basename(file, ".txt").toLowerCase()];
    if (split === undefined || !file.endsWith(".txt")) continue;
    if (![group, join(group, "list")].includes(dirname(file))) continue;
    const text = await readFile(join(folder, file.slice(group === "." ? 0 : group.length + 1)), "utf8");
    for (const line of text.split(/\s+/)) if (line !== "") out.set(basename(line, extname(line)), split);
  }
  return out;
}

function splitOf(folder: string): string | undefined {
  return folder
    .split("/")
    .map((part) => splits[part.toLowerCase()])
    .find((split) => split !== undefined);
}

function noPartner(file: string, first: boolean): SkySenseError {
  return new SkySenseError({
    code: "NO_PARTNER",
    what: `the image has no partner of its name ${first ? "before" : "after"} it`,
    where: file,
    remedy: "Add the missing image, or take this one out of the folder.",
  });
}

export function noMask(file: string): SkySenseError {
  return new SkySenseError({
    code: "NO_MASK",
    what: "the pair has no mask of change",
    where: file,
    remedy: "Add the mask, or take the pair out of the set.",
  });
}

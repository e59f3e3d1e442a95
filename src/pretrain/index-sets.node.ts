import { readFile } from "node:fs/promises";
import { basename, dirname, join, parse, resolve } from "node:path";
import { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import { readWholeFile } from "../core/read-file.node.ts";
import { placesOfIndex } from "../evaluate/index-recipes.ts";
import type { Found } from "./index-found.ts";

/** Data sets, by folder, that show the same places under the same file names. */
const shared: readonly (readonly string[])[] = [
  ["aid", "rsicd", "airplanes-hbb"],
  ["eurosat-rgb", "eurosat-ms"],
];

const setIndex = z.looseObject({ items: z.array(z.looseObject({ split: z.string().optional() })).optional() });
type Item = NonNullable<z.infer<typeof setIndex>["items"]>[number];

/**
 * Places of a data set: the images of its `index.json` without their labels. Items of another split than "train" are
 * held out: tables are made with them. So are items that another set beside this one holds out, where the two are known
 * to show the same places.
 *
 * @throws SkySenseError `BAD_INDEX`
 */
export async function findInSet(folder: string): Promise<Found> {
  const name = basename(resolve(folder));
  const index = parseIndex(await readWholeFile(join(folder, "index.json")), join(folder, "index.json"));
  const { items } = index;
  if (items === undefined) {
    return { places: [], heldOut: 0, skipped: [{ id: name, reason: "its index lists no items with images" }] };
  }
  const elsewhere = await heldOutBeside(folder, name);
  const kept = items.filter((item) => !isHeldOut(item) && !elsewhere.has(pictureName(item)));
  const { places, skipped } = placesOfIndex(kept, { ...index, name });
  const from = (id: string) => (id === name ? id : `${name}/${id}`);
  return {
    places: places.map((place) => ({ ...place, folder, id: from(place.id) })),
    heldOut: items.length - kept.length,
    skipped: skipped.map(({ id, reason }) => ({ id: from(id), reason })),
  };
}

function isHeldOut({ split }: Item): boolean {
  return split !== undefined && split !== "train";
}

function pictureName({ file }: Item): string {
  return typeof file === "string" ? parse(file).name : "";
}

async function heldOutBeside(folder: string, name: string): Promise<Set<string>> {
  const held = new Set<string>();
  for (const other of shared.find((group) => group.includes(name)) ?? []) {
    const index = join(dirname(resolve(folder)), other, "index.json");
    const text = await readFile(index).catch(() => undefined);
    if (text === undefined) continue;
    for (const item of parseIndex(text, index).items ?? []) if (isHeldOut(item)) held.add(pictureName(item));
  }
  held.delete("");
  return held;
}

function parseIndex(bytes: Buffer, where: string): z.infer<typeof setIndex> {
  try {
    return setIndex.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? cause.issues[0]!.message : (cause as Error).message;
    throw new SkySenseError({
      code: "BAD_INDEX",
      what: `the index of the data set is not valid: ${reason}`,
      where,
      remedy: 'An example: {"items": [{"file": "images/1.jpg", "split": "train"}]}.',
      cause,
    });
  }
}

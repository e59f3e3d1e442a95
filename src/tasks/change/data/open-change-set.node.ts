import { readFile, stat } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { type OnFault, refuse } from "../../../core/faults.ts";
import { type ChangeIndex, changeIndex } from "./change-index.ts";
import { type ChangeItem, type ChangeSet, plainChange } from "./change-set.ts";
import { openCities } from "./oscd-cities.node.ts";
import { pairTriplets } from "./triplets.node.ts";

export interface OpenChangeSetOptions {
  subset?: string | undefined;
  onFault?: OnFault | undefined;
}

/**
 * Open a set of pairs with masks of change: a folder with an `index.json` (items with `before`, `after` and `mask`),
 * the city folders of OSCD, or folders A, B and label with the same names (LEVIR-CD). Nothing is read but names, splits
 * and dates.
 *
 * @param options.subset   Which one, where an index holds several sets.
 * @param options.onFault  What to do with a pair that lacks an image or its mask. Default: end.
 * @throws SkySenseError `SET_NOT_FOUND` | `BAD_INDEX` | `SUBSET_UNKNOWN` | `NO_PAIRS` | `NO_PARTNER` | `NO_MASK`
 */
export async function openChangeSet(
  path: string,
  { subset, onFault = refuse }: OpenChangeSetOptions = {},
): Promise<ChangeSet> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new SkySenseError({
      code: "SET_NOT_FOUND",
      what: "there is no such folder",
      where: path,
      remedy: "Give the folder of a set of pairs and masks of change.",
    });
  }
  const name = basename(resolve(path));
  const index = await readIndex(join(path, "index.json"));
  if (index !== undefined) return openIndex(index, path, { subset, name });
  const cities = await openCities(path, onFault);
  if (cities !== undefined) return { name, path, layout: "cities of OSCD", sensor: "s2", ...plainChange, ...cities };
  const triplets = await pairTriplets(path, onFault);
  return { name, path, layout: "folders A, B and label", sensor: undefined, ...plainChange, ...triplets };
}

function openIndex(
  index: ChangeIndex,
  path: string,
  { subset, name }: { subset: string | undefined; name: string },
): ChangeSet {
  const where = join(path, "index.json");
  const inside = (file: string) => {
    if (relative(path, resolve(path, file)).startsWith(".."))
      throw badIndex(where, `${file} lies outside the folder`);
    return join(path, file);
  };
  const chosen = index.items.filter(({ dataset }) => subset === undefined || dataset === subset);
  if (chosen.length === 0) {
    const known = [...new Set(index.items.map(({ dataset }) => dataset))];
    throw new SkySenseError({
      code: "SUBSET_UNKNOWN",
      what: `the index holds no set "${subset}"`,
      where,
      remedy: `Choose one by --subset: ${known.join(", ")}.`,
    });
  }
  const items = chosen.map(
    ({ id, before, after, mask, dates, split }): ChangeItem => ({
      id: id ?? before[0]!,
      before: before.map(inside),
      after: after.map(inside),
      mask: inside(mask),
      dates,
      split,
    }),
  );
  const sensor = index.sensor ?? chosen.find((item) => item.sensor !== undefined)?.sensor;
  const title = [index.name ?? name, ...(subset === undefined ? [] : [subset])].join(": ");
  return { name: title, path, layout: "index.json of pairs with masks", sensor, ...plainChange, items };
}

async function readIndex(path: string): Promise<ChangeIndex | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badIndex(path, `it is no JSON: ${(cause as Error).message}`);
  }
  const parsed = changeIndex.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path: field, message } = parsed.error.issues[0]!;
  throw badIndex(path, `${field.join(".")}: ${message}`);
}

function badIndex(where: string, what: string): SkySenseError {
  return new SkySenseError({
    code: "BAD_INDEX",
    what: `the file is not valid: ${what}`,
    where,
    remedy:
      'An index: {"items": [{"before": "2019.tif", "after": "2021.tif", "mask": "change.png", "split": "train"}]}.',
  });
}

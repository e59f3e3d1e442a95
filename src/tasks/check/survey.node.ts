import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { SkySenseError } from "../../core/error.ts";
import { sensorNames } from "../../core/place.ts";
import type { LongCall } from "../../core/progress.ts";
import { formatCount } from "../../report/format.ts";
import type { KeptPlace, KeptStack } from "../../train/data/kept-place.ts";
import type { CheckedItem, CheckedSet } from "./checked-set.ts";
import type { Finding, Tally } from "./finding.ts";

/** Images that are read at the same time. */
const parallel = 4;

/**
 * Read everything of a set as training would, and count.
 * @param options.faults  What its reader has already found.
 */
export async function surveySet(
  set: CheckedSet,
  { task, faults, signal, onProgress }: { task: string; faults: readonly string[] } & LongCall,
): Promise<Finding> {
  const { splitOf, notes } = splitsOf(set);
  const problems = [...faults];
  const counts = set.classes.map((): Record<string, number> => ({}));
  const [splits, unlabelled]: Record<string, number>[] = [{}, {}];
  const [sizes, bands] = [new Map<string, number>(), new Map<string, number>()];
  const add = (to: Record<string, number>, key: string, more: number) => {
    to[key] = (to[key] ?? 0) + more;
  };
  const tally = (to: Map<string, number>, name: string) => to.set(name, (to.get(name) ?? 0) + 1);
  let [next, done, empty, undated] = [0, 0, 0, 0];
  const found: (string[] | undefined)[] = [];
  const reading = Array.from({ length: parallel }, async () => {
    while (next < set.items.length) {
      signal?.throwIfAborted();
      const position = next++;
      const item = set.items[position]!;
      const split = splitOf(item);
      add(splits!, split, 1);
      const read = await item.read().catch((error: unknown) => {
        if (!(error instanceof SkySenseError)) throw error;
        found[position] = [error.message];
      });
      onProgress?.({ phase: "check", done: ++done, total: set.items.length, unit: "images" });
      if (read === undefined) continue;
      found[position] = [...(read.faults ?? [])];
      for (const [k, count] of read.counts.entries()) add(counts[k]!, split, count);
      add(unlabelled!, split, read.unlabelled ?? 0);
      if (read.counts.every((count) => count === 0)) empty++;
      if (set.dated && lacksDates(read.place)) undated++;
      for (const [size, own] of describe(read.place)) {
        tally(sizes, size);
        tally(bands, own);
      }
    }
  });
  await Promise.all(reading);
  problems.push(...found.flatMap((messages) => messages ?? []), ...(await duplicates(set.items, splitOf)));
  const { name, layout, unit, noun } = set;
  const order = ["train", "val", "test"];
  const ordered = Object.entries(splits!).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const classes = set.classes.map((own, k) => ({ name: own, counts: counts[k]! }));
  return {
    ...{ task, name, layout, unit, noun, empty, problems, classes },
    splits: Object.fromEntries(ordered),
    unlabelled: unlabelled!,
    sizes: byFrequency(sizes),
    bands: byFrequency(bands),
    notes: [...set.notes, ...notes, ...datesLack(undated, noun), ...oneSided(classes, Object.keys(splits!))],
  };
}

/** The split of each item, as the set says it or as training would draw it. */
function splitsOf({ items, divide }: CheckedSet): { splitOf: (item: CheckedItem) => string; notes: string[] } {
  try {
    const { train, val } = divide();
    const drawn = ({ id }: CheckedItem) => (train.has(id) ? "train" : val.has(id) ? "val" : "unused");
    return { splitOf: (item) => item.split ?? drawn(item), notes: [] };
  } catch (error) {
    if (!(error instanceof SkySenseError)) throw error;
    const some = items.some(({ split }) => split !== undefined);
    return { splitOf: ({ split }) => split ?? (some ? "unused" : "all"), notes: [`${error.what}. ${error.remedy}`] };
  }
}

/** "256 × 256 pixels, 3 dates" and "hr: R, G, B" of each sensor. */
function describe(place: KeptPlace): [size: string, bands: string][] {
  return sensorNames.flatMap((sensor): [string, string][] => {
    const stack = place[sensor];
    if (stack === undefined) return [];
    const [dates, , height, width] = stack.shape;
    const size = `${width} × ${height} pixels${dates > 1 ? `, ${dates} dates` : ""}`;
    return [[size, `${sensor}: ${stack.bands.join(", ")}`]];
  });
}

/** Whether some image of a Sentinel sensor says no date. */
function lacksDates({ s2, s1 }: KeptPlace): boolean {
  return [s2, s1].some((stack) => stack !== undefined && !hasDates(stack));
}

function hasDates({ dates, shape }: KeptStack): boolean {
  return dates?.length === shape[0] && dates.every((date) => date !== undefined);
}

function datesLack(count: number, noun: string): string[] {
  return count === 0
    ? []
    : [`${formatCount(count, noun)} with images without a date, which are of no day of the year`];
}

function byFrequency(counts: ReadonlyMap<string, number>): Tally[] {
  return [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
}

/** Classes that are learnt and never judged, or the other way round. */
function oneSided(classes: Finding["classes"], splits: readonly string[]): string[] {
  const judged = splits.includes("val") ? "val" : "test";
  if (!splits.includes("train") || !splits.includes(judged)) return [];
  const only = (here: string, there: string) =>
    classes.flatMap(({ name, counts }) => ((counts[here] ?? 0) > 0 && (counts[there] ?? 0) === 0 ? [name] : []));
  return [
    [only("train", judged), "learnt from but not judged"] as const,
    [only(judged, "train"), "judged but not learnt from"] as const,
  ].flatMap(([names, what]) => (names.length === 0 ? [] : [`${names.join(", ")}: ${what}`]));
}

/** Files with the same bytes in two splits; only those of one length are compared. */
async function duplicates(items: readonly CheckedItem[], splitOf: (item: CheckedItem) => string): Promise<string[]> {
  const files = items.flatMap((item) => (item.file === undefined ? [] : [{ file: item.file, split: splitOf(item) }]));
  if (new Set(files.map(({ split }) => split)).size < 2) return [];
  const bySize = new Map<number, typeof files>();
  for (const one of files) {
    const size = (await stat(one.file).catch(() => undefined))?.size;
    if (size !== undefined) bySize.set(size, [...(bySize.get(size) ?? []), one]);
  }
  const problems: string[] = [];
  for (const group of bySize.values()) {
    if (new Set(group.map(({ split }) => split)).size < 2) continue;
    const seen = new Map<string, (typeof files)[number]>();
    for (const one of group) {
      const hash = await hashOf(one.file);
      const other = seen.get(hash);
      if (other === undefined) seen.set(hash, one);
      else if (other.split !== one.split) {
        problems.push(
          `the same image is in ${other.split} and in ${one.split} (${other.file}, ${one.file}). Remove one of them.`,
        );
      }
    }
  }
  return problems;
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha1");
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

import { SkySenseError } from "../core/error.ts";
import type { Place } from "../core/place.ts";
import { createRandom } from "../core/random.ts";
import type { PixelLabels } from "./cells.ts";

/** A place with a class for every pixel of its finest images, read when asked for. */
export interface DenseSample {
  /** Unique in its set. */
  id: string;
  /** Ground that is learnt from or judged as a whole: a continent, or the place itself. */
  group: string;
  /** "train", "val", "test" or another word, where the set says so. */
  split: string | undefined;
  /** Changes when the files do. */
  stamp(): Promise<string>;
  /** @throws SkySenseError what is wrong with the files */
  read(options?: { signal?: AbortSignal | undefined }): Promise<{ place: Place; labels: PixelLabels }>;
}

export interface DenseSet {
  name: string;
  /** Folder, for messages. */
  path: string;
  classes: readonly string[];
  samples: readonly DenseSample[];
}

const mostFolds = 6;

/**
 * Which groups are judged together, by a classifier that learnt from the others: those that are held out; else those of
 * the split "val" or "test" where there is one; else all in turn, in at most six folds.
 *
 * @throws SkySenseError `UNKNOWN_GROUP` | `NO_SPLIT`
 */
export function foldsOf(
  { samples, path }: Pick<DenseSet, "samples" | "path">,
  { holdOut, seed }: { holdOut?: readonly string[] | undefined; seed: number },
): string[][] {
  const groups = [...new Set(samples.map(({ group }) => group))].sort();
  const unknown = holdOut?.find((group) => !groups.includes(group));
  if (unknown !== undefined) {
    throw new SkySenseError({
      code: "UNKNOWN_GROUP",
      what: `there is no group ${unknown}`,
      where: path,
      remedy: `Hold out one of ${groups.slice(0, 12).join(", ")}${groups.length > 12 ? ", …" : ""}.`,
    });
  }
  const judged = samples.filter(({ split }) => split === "val" || split === "test").map(({ group }) => group);
  const held = holdOut ?? [...new Set(judged)];
  if (held.length === groups.length || groups.length < 2) {
    throw new SkySenseError({
      code: "NO_SPLIT",
      what: "there is one group of places, so what is learnt from one cannot be judged on another",
      where: path,
      remedy: "Give the items of the index different words as group.",
    });
  }
  if (held.length > 0) return [[...held]];
  const shuffled = createRandom(seed, "folds").shuffle(groups);
  const count = Math.min(mostFolds, groups.length);
  return Array.from({ length: count }, (_, fold) => shuffled.filter((_, i) => i % count === fold));
}

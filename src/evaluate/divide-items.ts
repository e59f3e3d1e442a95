import { SkySenseError } from "../core/error.ts";
import { createRandom, type Random } from "../core/random.ts";

/** Share of a set's tiles that is judged where blocks say how to divide it. */
const blockShare = 0.2;

/** Which part of a set is judged. */
export const judgedParts = ["train", "val", "test", "all"] as const;
export type JudgedPart = (typeof judgedParts)[number];

/**
 * What of a set of images is learnt from and what is judged: "train" and "val" (where there is none, "test"); in a set
 * without splits, or with a share given, a seeded share of the images is judged. Items that name a block are drawn block
 * by block, so that neighbours are not on both sides; without a share, a fifth of them.
 *
 * @throws SkySenseError `NO_SPLIT` | `ONE_BLOCK`
 */
export function divideItems<T extends { split: string | undefined; block?: string | undefined }>(
  { items, path }: { items: readonly T[]; path: string },
  { valShare, seed, key }: { valShare?: number | undefined; seed: number; key: string },
): { train: readonly T[]; val: readonly T[] } {
  const of = (split: string) => items.filter((item) => item.split === split);
  const given = of("val").length > 0 ? of("val") : of("test");
  const learnt = given.length > 0 ? of("train") : items;
  if (valShare === undefined && given.length > 0 && learnt.length > 0) return { train: learnt, val: given };
  if (learnt.some(({ block }) => block !== undefined)) {
    return divideBlocks(learnt, { path, share: valShare ?? blockShare, random: createRandom(seed, key) });
  }
  const count = Math.max(1, Math.round((valShare ?? 0) * learnt.length));
  if (valShare === undefined || count >= learnt.length) {
    throw new SkySenseError({
      code: "NO_SPLIT",
      what:
        valShare === undefined
          ? "the set does not say which images are learnt from and which are judged"
          : `of ${learnt.length} images a share of ${valShare} leaves none to learn from`,
      where: path,
      remedy: "Give the share to judge as --val-share 0.2, or sort the images into folders train and val.",
    });
  }
  const drawn = new Set(
    createRandom(seed, key)
      .shuffle([...learnt])
      .slice(0, count),
  );
  return { train: learnt.filter((item) => !drawn.has(item)), val: learnt.filter((item) => drawn.has(item)) };
}

/**
 * The items that a model is judged on. "val" is what `divide` would judge, also where nothing is there to learn from; a
 * share, or a set without splits, divides "train" and "val" anew; "test" is the set's own, and "all" is everything.
 *
 * @param options.divide  How the task divides such a set: `divideItems` with a key of its own.
 * @throws SkySenseError `NO_ITEMS`: the set has no such part; those of `divideItems`
 */
export function itemsToJudge<
  T extends { split: string | undefined },
  S extends { items: readonly T[]; path: string },
>(
  set: S,
  {
    part,
    valShare,
    seed,
    divide,
  }: {
    part: JudgedPart;
    valShare?: number | undefined;
    seed: number;
    divide: (
      set: S,
      options: { valShare?: number | undefined; seed: number },
    ) => { train: readonly T[]; val: readonly T[] };
  },
): readonly T[] {
  const { items, path } = set;
  const of = (split: string) => items.filter((item) => item.split === split);
  const undivided = valShare !== undefined || items.every(({ split }) => split === undefined);
  if (undivided && (part === "train" || part === "val")) return divide(set, { valShare, seed })[part];
  if (part === "val") {
    const given = of("val").length > 0 ? of("val") : of("test");
    return given.length > 0 ? given : divide(set, { seed }).val;
  }
  const found = part === "all" ? items : of(part);
  if (found.length > 0) return found;
  const known = judgedParts.filter((name) => of(name).length > 0);
  throw new SkySenseError({
    code: "NO_ITEMS",
    what: `the set says of nothing that it is "${part}"`,
    where: path,
    remedy: `Choose another --split: ${[...known, "all"].join(", ")}.`,
  });
}

/** Whole blocks in random order, until their items make up the share. */
function divideBlocks<T extends { block?: string | undefined }>(
  items: readonly T[],
  { path, share, random }: { path: string; share: number; random: Random },
): { train: readonly T[]; val: readonly T[] } {
  const counts = new Map<string | undefined, number>();
  for (const { block } of items) counts.set(block, (counts.get(block) ?? 0) + 1);
  const order = random.shuffle([...counts.keys()].sort());
  if (order.length < 2) {
    throw new SkySenseError({
      code: "ONE_BLOCK",
      what: "all tiles lie in one block, so nothing is left to judge",
      where: path,
      remedy: "Give a smaller --block, more images, or folders train and val.",
    });
  }
  const judged = new Set<string | undefined>();
  let count = 0;
  for (const block of order) {
    const more = counts.get(block)!;
    // One on each side at least; of the next block so much that the share is met best.
    const enough =
      judged.size > 0 && Math.abs(count + more - share * items.length) >= Math.abs(count - share * items.length);
    if (enough || judged.size === order.length - 1) break;
    judged.add(block);
    count += more;
  }
  return {
    train: items.filter(({ block }) => !judged.has(block)),
    val: items.filter(({ block }) => judged.has(block)),
  };
}

import { SkySenseError } from "../core/error.ts";
import { createRandom } from "../core/random.ts";

/**
 * What of a set of images is learnt from and what is judged: "train" and "val" (where there is none, "test"); in a set
 * without splits, or with a share given, a seeded share of the images is judged.
 *
 * @throws SkySenseError `NO_SPLIT`
 */
export function divideItems<T extends { split: string | undefined }>(
  { items, path }: { items: readonly T[]; path: string },
  { valShare, seed, key }: { valShare?: number | undefined; seed: number; key: string },
): { train: readonly T[]; val: readonly T[] } {
  const of = (split: string) => items.filter((item) => item.split === split);
  const given = of("val").length > 0 ? of("val") : of("test");
  const learnt = given.length > 0 ? of("train") : items;
  if (valShare === undefined && given.length > 0 && learnt.length > 0) return { train: learnt, val: given };
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

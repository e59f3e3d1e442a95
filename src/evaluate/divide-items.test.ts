import { describe, expect, test } from "vitest";
import { divideItems, itemsToJudge } from "./divide-items.ts";

const setOf = (...splits: (string | undefined)[]) => ({
  path: "set",
  items: splits.map((split, i) => ({ id: i, split })),
});
const idsOf = (items: readonly { id: number }[]) => items.map(({ id }) => id);
const draw = { seed: 0, key: "test" };
const divide = (set: ReturnType<typeof setOf>, options: { valShare?: number | undefined; seed: number }) =>
  divideItems(set, { ...options, key: "test" });
const judge = { seed: 0, divide };

test("divideItems: a set that does not say what is judged needs a share, and has nothing to spare for one of its own", () => {
  expect(() => divideItems(setOf(undefined, undefined), draw)).toThrow(/does not say.*--val-share/);
  expect(() => divideItems(setOf(undefined), { ...draw, valShare: 0.2 })).toThrow(/leaves none to learn from/);
  const { train, val } = divideItems(setOf(undefined, undefined, undefined), { ...draw, valShare: 0.2 });
  expect([train.length, val.length]).toEqual([2, 1]);
});

describe("itemsToJudge", () => {
  test("takes the part that is asked for", () => {
    const set = setOf("train", "val", "test", undefined);
    for (const [part, ids] of [
      ["train", [0]],
      ["val", [1]],
      ["test", [2]],
      ["all", [0, 1, 2, 3]],
    ] as const) {
      expect(idsOf(itemsToJudge(set, { part, ...judge }))).toEqual(ids);
    }
  });

  test("judges what is held out, although nothing is there to learn from", () => {
    expect(idsOf(itemsToJudge(setOf("val", "val"), { part: "val", ...judge }))).toEqual([0, 1]);
    expect(idsOf(itemsToJudge(setOf("test"), { part: "val", ...judge }))).toEqual([0]);
  });

  test("a share divides anew what is learnt from, and nothing else", () => {
    const set = setOf("train", "train", "train", "val", "test");
    const [train, val] = (["train", "val"] as const).map((part) =>
      idsOf(itemsToJudge(set, { part, valShare: 0.3, ...judge })),
    );
    expect([...train!, ...val!].sort()).toEqual([0, 1, 2]);
    expect(idsOf(itemsToJudge(set, { part: "test", valShare: 0.3, ...judge }))).toEqual([4]);
  });

  test("a set of blocks without splits is divided as for training", () => {
    const items = [1, 1, 2, 2, 3].map((block, id) => ({ id, split: undefined, block: `${block}` }));
    const set = { path: "set", items };
    const parts = (["train", "val"] as const).map((part) =>
      idsOf(
        itemsToJudge(set, { part, seed: 0, divide: (one, options) => divideItems(one, { ...options, key: "test" }) }),
      ),
    );
    expect(parts.flat().sort()).toEqual([0, 1, 2, 3, 4]);
    expect(parts.every(({ length }) => length > 0)).toBe(true);
  });

  test("says which parts there are where the wanted one is not", () => {
    expect(() => itemsToJudge(setOf("train", "val"), { part: "test", ...judge })).toThrow(
      'the set says of nothing that it is "test" (set). Choose another --split: train, val, all.',
    );
  });
});

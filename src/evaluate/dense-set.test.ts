import { expect, test } from "vitest";
import { type DenseSample, foldsOf } from "./dense-set.ts";

const sample = (id: string, group: string, split?: string): DenseSample => ({
  ...{ id, group, split },
  stamp: async () => "",
  read: async () => {
    throw new Error("not read");
  },
});
const set = (samples: DenseSample[]) => ({ samples, path: "set" });
const many = set(Array.from({ length: 30 }, (_, i) => sample(`${i}`, `group ${i % 10}`)));

test("foldsOf: every group is judged once, in at most six folds; another seed divides otherwise", () => {
  const folds = foldsOf(many, { seed: 1 });
  expect(folds).toHaveLength(6);
  expect(folds.flat().sort()).toEqual(Array.from({ length: 10 }, (_, i) => `group ${i}`));
  expect(foldsOf(many, { seed: 2 })).not.toEqual(folds);
});

test("foldsOf: what is held out is judged together, alone", () => {
  expect(foldsOf(many, { holdOut: ["group 3", "group 4"], seed: 1 })).toEqual([["group 3", "group 4"]]);
  expect(() => foldsOf(many, { holdOut: ["Atlantis"], seed: 1 })).toThrow(
    "there is no group Atlantis (set). Hold out one of group 0,",
  );
});

test("foldsOf: a set that says what is judged is divided so; with one group there is nothing to divide", () => {
  const split = set([sample("a", "a", "train"), sample("b", "b", "val"), sample("c", "c", "train")]);
  expect(foldsOf(split, { seed: 1 })).toEqual([["b"]]);
  expect(() => foldsOf(set([sample("a", "x"), sample("b", "x")]), { seed: 1 })).toThrow(
    "there is one group of places",
  );
});

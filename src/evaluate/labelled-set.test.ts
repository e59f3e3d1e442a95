import fc from "fast-check";
import { expect, test } from "vitest";
import type { Place } from "../core/place.ts";
import { divide, join, keptInMemory, type LabelledSet, type Sample, withoutSmallClasses } from "./labelled-set.ts";

const place: Place = { hr: { data: new Float32Array(12), shape: [1, 3, 2, 2], bands: ["R", "G", "B"] } };

function sample(id: string, labels: readonly number[], split?: string): Sample {
  return { id, labels, split, stamp: async () => "", read: async () => place };
}

/** `counts` items of each class; every fourth is "val" where `splits`. */
function setOf(counts: readonly number[], { splits = false } = {}): LabelledSet {
  const samples = counts.flatMap((count, k) =>
    Array.from({ length: count }, (_, i) =>
      sample(`${k}/${i}`, [k], splits ? (i % 4 === 3 ? "val" : "train") : undefined),
    ),
  );
  return { name: "set", path: "/set", classes: counts.map((_, k) => `class ${k}`), multiLabel: false, samples };
}

const countOf = (samples: readonly Sample[], k: number) => samples.filter(({ labels }) => labels[0] === k).length;

test("divide: a share of all items of a class is drawn from its train items, and val items are judged", () => {
  const set = setOf([34, 34, 20], { splits: true });
  const { train, test: judged } = divide(set, { trainRatio: 0.2, seed: 0 });
  expect([0, 1, 2].map((k) => countOf(train, k))).toEqual([7, 7, 4]);
  expect(judged.map(({ split }) => split)).toEqual(new Array(8 + 8 + 5).fill("val"));
  expect(train.every(({ split }) => split === "train")).toBe(true);
  expect(countOf(divide(set, { trainRatio: 0.5, seed: 0 }).train, 0)).toBe(17);
});

test("divide: without a ratio all train items are learnt from", () => {
  const { train, test: judged } = divide(setOf([8, 4], { splits: true }), { seed: 0 });
  expect([train.length, judged.length]).toEqual([9, 3]);
});

test("divide: without splits the two parts are the whole set, disjoint, and the same for the same seed", () => {
  const counts = fc.array(fc.integer({ min: 3, max: 12 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(counts, fc.double({ min: 0.1, max: 0.6, noNaN: true }), fc.nat(), (sizes, trainRatio, seed) => {
      const set = setOf(sizes);
      const { train, test: judged } = divide(set, { trainRatio, seed });
      expect(new Set([...train, ...judged])).toEqual(new Set(set.samples));
      expect(train.length + judged.length).toBe(set.samples.length);
      for (const k of sizes.keys()) expect(countOf(train, k)).toBe(Math.max(1, Math.round(trainRatio * sizes[k]!)));
      expect(divide(set, { trainRatio, seed }).train).toEqual(train);
    }),
  );
});

test("divide: another seed draws others", () => {
  const ids = (seed: number) => divide(setOf([30]), { trainRatio: 0.3, seed }).train.map(({ id }) => id);
  expect(ids(0)).not.toEqual(ids(1));
});

test("divide: a class of one image is named, with what to do", () => {
  expect(() => divide(setOf([5, 1]), { trainRatio: 0.2, seed: 0 })).toThrow(
    "1 of the 1 items of class 1 are to be learnt from and at least one judged, but 1 can be (/set). " +
      "Lower --train-ratio, leave small classes out by --min-per-class, or add images.",
  );
  expect(divide(withoutSmallClasses(setOf([5, 1]), 2), { trainRatio: 0.2, seed: 0 }).test).toHaveLength(4);
});

test("divide: a set without splits needs a ratio", () => {
  expect(() => divide(setOf([5]), { seed: 0 })).toThrow(
    "the set does not say which items are learnt from and which are judged (/set). " +
      "Give the share to learn from as --train-ratio 0.5, or two folders as --train and --test.",
  );
});

test("divide: items of several classes are drawn as one group", () => {
  const samples = Array.from({ length: 20 }, (_, i) => sample(`${i}`, i % 2 === 0 ? [0, 1] : []));
  const set = { ...setOf([]), classes: ["a", "b"], multiLabel: true, samples };
  expect(divide(set, { trainRatio: 0.25, seed: 0 }).train).toHaveLength(5);
});

test("withoutSmallClasses: classes are renumbered, and items of several keep the others", () => {
  const small = withoutSmallClasses(setOf([1, 3, 4]), 3);
  expect(small.classes).toEqual(["class 1", "class 2"]);
  expect(small.samples.map(({ labels }) => labels[0])).toEqual([0, 0, 0, 1, 1, 1, 1]);
  const samples = [sample("a", [0, 1]), sample("b", [1]), sample("c", [0, 1])];
  const several = withoutSmallClasses({ ...setOf([]), classes: ["x", "y"], multiLabel: true, samples }, 3);
  expect(several.samples.map(({ labels }) => labels)).toEqual([[0], [0], [0]]);
});

test("join: classes go by name, not by position", () => {
  const other = { ...setOf([2, 3]), name: "other", path: "/other", classes: ["class 1", "class 0"] };
  const { set, parts } = join(setOf([4, 4]), other);
  expect(parts.test.map(({ labels }) => labels[0])).toEqual([1, 1, 0, 0, 0]);
  expect([set.name, parts.train.length]).toEqual(["set → other", 8]);
});

test("join: what cannot be learnt, or is judged too, is an error", () => {
  const other = { ...setOf([2]), path: "/other", classes: ["harbour"] };
  expect(() => join(setOf([2]), other)).toThrow(
    "the class harbour is judged, but there is nothing to learn it from (/other). The classes of /set are class 0.",
  );
  expect(() => join(setOf([2]), setOf([2]))).toThrow("0/0 is both learnt from and judged (/set).");
  const { parts } = join(setOf([8], { splits: true }), setOf([8], { splits: true }));
  expect([parts.train.length, parts.test.length]).toEqual([6, 2]);
});

test("keptInMemory: what fits is read once, the rest every time", async () => {
  let reads = 0;
  const counted = setOf([3]).samples.map((one) => ({
    ...one,
    read: async () => {
      reads++;
      return place;
    },
  }));
  const set = keptInMemory({ ...setOf([3]), samples: counted }, 2 * 48);
  for (let round = 0; round < 3; round++) for (const one of set.samples) await one.read();
  expect(reads).toBe(2 + 3);
});

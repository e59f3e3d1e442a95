import { expect, test } from "vitest";
import { type NdArray, noise } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";
import type { BufferUpdates } from "./conv-norm.ts";
import { type DifferenceConfig, differenceHead, initDifferenceHead } from "./difference-head.ts";
import { initialise } from "./initialise.ts";
import { asImages } from "./pairs.ts";
import { bindParameters, listParameters } from "./parameters.ts";

const config: DifferenceConfig = { levels: [3, 3, 3], classes: 2, channels: 4 };
const tree = initDifferenceHead(config);
const specs = new Map(listParameters(tree));
const weights: Record<string, NdArray> = Object.fromEntries(
  [...initialise(tree, { seed: 1 })].map(([name, data]) => [name, { shape: specs.get(name)!.shape, data }]),
);
// Maps of one size, as those of a Vision Transformer of patch 2 on 10 × 6 pixels.
const sizes = [
  [10, 6],
  [5, 3],
  [3, 2],
] as const;
const shape = [3, 5, 3];

test("differenceHead: the order of the dates does not matter, and equal images give what no difference gives", async () => {
  const maps = ["a", "b", "c"].map((name) => asImages(input(name, [batchDim(), 2, ...shape])));
  const logits = differenceHead(bindParameters(tree), maps, sizes);
  const values = ["a", "b", "c"].map((_, k) => [1, 2].map((date) => noise([1, ...shape], 10 * k + date).data));
  const run = async (first: number, second: number) => {
    const pair = (k: number) => ({ shape: [1, 2, ...shape], data: [...values[k]![first]!, ...values[k]![second]!] });
    return (await evaluate({ logits }, { a: pair(0), b: pair(1), c: pair(2), ...weights })).logits!;
  };
  const [forth, back, none, neither] = [await run(0, 1), await run(1, 0), await run(0, 0), await run(1, 1)];
  expect(forth.shape).toEqual([1, 2, 10, 6]);
  expect(forth.data).toEqual(back.data);
  expect(none.data).toEqual(neither.data);
  expect(forth.data).not.toEqual(none.data);
});

test("differenceHead: in training all batch norms follow the batch", () => {
  const updates: BufferUpdates = new Map();
  const maps = ["a", "b", "c"].map((name) => asImages(input(name, [batchDim(), 2, ...shape])));
  differenceHead(bindParameters(tree), maps, sizes, { updates });
  const buffers = listParameters(tree).flatMap(([name, { buffer }]) => (buffer === true ? [name] : []));
  expect([...updates.keys()].sort()).toEqual(buffers.sort());
});

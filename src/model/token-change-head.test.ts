import { expect, test } from "vitest";
import { type NdArray, nd, noise, sumOver } from "../../test/support/arrays.ts";
import { checkGrad } from "../../test/support/check-grad.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";
import type { BufferUpdates } from "./conv-norm.ts";
import { initialise } from "./initialise.ts";
import { asImages, datesOf } from "./pairs.ts";
import { bindParameters, listParameters } from "./parameters.ts";
import { initTokenChangeHead, type TokenChangeConfig, tokenChangeHead } from "./token-change-head.ts";

const config: TokenChangeConfig = { levels: [3, 5], classes: 2, channels: 8, tokens: 2, depth: 2, heads: 2 };
const tree = initTokenChangeHead(config);
const specs = new Map(listParameters(tree));
const weights: Record<string, NdArray> = Object.fromEntries(
  [...initialise(tree, { seed: 1 })].map(([name, data]) => [name, { shape: specs.get(name)!.shape, data }]),
);
const pairs = (name: string, ...shape: number[]) => asImages(input(name, [batchDim(), 2, ...shape]));
const maps = () => [pairs("fine", 3, 4, 6), pairs("coarse", 5, 2, 3)];

test("datesOf: images that follow each other are before and after", async () => {
  const [before, after] = datesOf(pairs("x", 2));
  const x = { shape: [2, 2, 2], data: [1, 2, 3, 4, 5, 6, 7, 8] };
  const found = await evaluate({ before, after }, { x });
  expect(Array.from(found.before!.data)).toEqual([1, 2, 5, 6]);
  expect(Array.from(found.after!.data)).toEqual([3, 4, 7, 8]);
});

test("tokenChangeHead: two equal images, whose tokens have equal places, have changed nowhere", async () => {
  const logits = tokenChangeHead(bindParameters(tree), maps(), config);
  const same = (a: NdArray) => nd([1, 2, ...a.shape.slice(1)], ([, , ...rest]) => pick(a, rest));
  const feeds = { fine: same(noise([1, 3, 4, 6], 2)), coarse: same(noise([1, 5, 2, 3], 3)), ...weights };
  const zero = { shape: [1, 4, 8], data: new Float32Array(32) };
  const run = async (position: NdArray) => (await evaluate({ logits }, { ...feeds, position })).logits!;
  const still = await run(zero);
  expect(still.shape).toEqual([1, 2, 4, 6]);
  expect(Array.from(still.data).every((score) => score === 0)).toBe(true); // what the last bias starts at
  const told = await run(weights.position!);
  expect(new Set(Array.from(told.data, (v) => v.toFixed(5))).size).toBeGreaterThan(10);
});

test("tokenChangeHead: the first thing it makes of features are means weighted by softmax over all pixels", async () => {
  // Against the formula in plain numbers: T = softmax(X Wᵀ + b)ᵀ X for one date.
  const { tokenizer } = bindParameters(tree);
  const { linear } = await import("./linear.ts");
  const { softmax } = await import("../graph/ops/softmax.ts");
  const { matMul } = await import("../graph/ops/mat-mul.ts");
  const { transpose } = await import("../graph/ops/transpose.ts");
  const x = input("x", [1, 6, 8]);
  const tokens = matMul(softmax(transpose(linear(tokenizer, x), [0, 2, 1])), x);
  const values = noise([1, 6, 8], 5);
  const found = await evaluate({ tokens }, { x: values, ...weights });
  const w = weights["tokenizer.weight"]!.data;
  const b = weights["tokenizer.bias"]!.data;
  for (let t = 0; t < 2; t++) {
    const scores = Array.from({ length: 6 }, (_, p) =>
      Math.exp(b[t]! + sumOver(8, (k) => w[t * 8 + k]! * values.data[p * 8 + k]!)),
    );
    const total = scores.reduce((a, s) => a + s, 0);
    for (let k = 0; k < 8; k++) {
      const mean = sumOver(6, (p) => (scores[p]! / total) * values.data[p * 8 + k]!);
      expect(found.tokens!.data[t * 8 + k]).toBeCloseTo(mean, 5);
    }
  }
});

test("tokenChangeHead: gradients agree with central differences", async () => {
  const p = bindParameters(tree);
  const updates: BufferUpdates = new Map();
  const shapes = [
    [4, 3, 4, 6],
    [4, 5, 2, 3],
  ];
  await checkGrad((fine, coarse) => tokenChangeHead(p, [fine!, coarse!], config, { updates }), {
    shapes,
    feeds: weights,
    h: 1e-3,
  });
  expect(updates.size).toBe(8);
});

function pick(a: NdArray, rest: readonly number[]): number {
  const [, ...extents] = a.shape;
  return a.data[rest.reduce((k, i, axis) => k * extents[axis]! + i, 0)]!;
}

import { expect, test } from "vitest";
import { at, nd, noise, sumOver } from "../../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../../test/support/evaluate.ts";
import { batchDim } from "../shape.ts";
import { input, scope } from "../tensor.ts";
import { layerNorm } from "./layer-norm.ts";
import { mean, norm, sum } from "./reduce.ts";
import { softmax } from "./softmax.ts";

const x = noise([2, 3, 4]);
const symbolic = () => input("x", [batchDim(), 3, 4]);

for (const opset of [17, 21] as const) {
  test(`ReduceSum, ReduceMean and ReduceL2 at opset ${opset}: over any axes, kept or not`, async () => {
    const t = symbolic();
    const results = await evaluate(
      {
        sum: sum(t, { axes: [1] }),
        all: sum(t, { axes: [1, 2], keepDims: true }),
        mean: mean(t, { axes: [-2, -1] }),
        norm: norm(t, { axes: [-1], keepDims: true }),
      },
      { x },
      { opset },
    );
    expectClose(
      results.sum!,
      nd([2, 4], ([i, k]) => sumOver(3, (j) => at(x, [i!, j, k!]))),
    );
    const total = (i: number) => sumOver(3, (j) => sumOver(4, (k) => at(x, [i, j, k])));
    expectClose(
      results.all!,
      nd([2, 1, 1], ([i]) => total(i!)),
    );
    expectClose(
      results.mean!,
      nd([2], ([i]) => total(i!) / 12),
    );
    expectClose(
      results.norm!,
      nd([2, 3, 1], ([i, j]) => Math.sqrt(sumOver(4, (k) => at(x, [i!, j!, k]) ** 2))),
    );
  });
}

test("ReduceSum: over the symbolic axis too", async () => {
  const { y } = await evaluate({ y: sum(symbolic(), { axes: [0] }) }, { x });
  expectClose(
    y!,
    nd([3, 4], ([j, k]) => sumOver(2, (i) => at(x, [i, j!, k!]))),
  );
});

test("ReduceL2: an axis that is not there is refused", () => {
  expect(() => norm(symbolic(), { axes: [3] })).toThrow("axis 3 does not exist in a tensor of rank 3");
});

test("Softmax: exp(x) / Σ exp(x) along the last axis", async () => {
  const { y } = await evaluate({ y: softmax(symbolic()) }, { x });
  const total = (i: number, j: number) => sumOver(4, (k) => Math.exp(at(x, [i, j, k])));
  expectClose(
    y!,
    nd([2, 3, 4], ([i, j, k]) => Math.exp(at(x, [i!, j!, k!])) / total(i!, j!)),
  );
});

test("Softmax: logits of ±10⁴ neither overflow nor lose their order, and −80 is not −∞", async () => {
  const extreme = { shape: [3, 2], data: [1e4, -1e4, 1e4, 1e4, 0, -80] }; // e⁻¹⁰⁰ is denormal, which some processors flush to 0
  const { y } = await evaluate({ y: softmax(input("x", [3, 2])) }, { x: extreme });
  expect(Array.from(y!.data).slice(0, 5)).toEqual([1, 0, 0.5, 0.5, 1]);
  expect(y!.data[5]).toBeGreaterThan(0);
});

test("LayerNormalization: (x − mean)/√(variance + ε) · weight + bias, biased variance", async () => {
  const [weight, bias] = [noise([4], 2), noise([4], 3)];
  for (const [epsilon, scale] of [
    [1e-5, 1],
    [1e-6, 1e-3],
    [1e-5, 1e3],
  ] as const) {
    const scaled = { shape: x.shape, data: x.data.map((v) => Math.fround(v * scale)) };
    const y = layerNorm(symbolic(), input("weight", [4]), input("bias", [4]), { epsilon });
    const results = await evaluate({ y }, { x: scaled, weight, bias });
    const expected = nd([2, 3, 4], ([i, j, k]) => {
      const average = sumOver(4, (c) => at(scaled, [i!, j!, c])) / 4;
      const variance = sumOver(4, (c) => (at(scaled, [i!, j!, c]) - average) ** 2) / 4;
      return (
        ((at(scaled, [i!, j!, k!]) - average) / Math.sqrt(variance + epsilon)) * at(weight, [k!]) + at(bias, [k!])
      );
    });
    expectClose(results.y!, expected);
  }
});

test("LayerNormalization: weight and bias of another extent are refused", () => {
  const build = () => scope("ln1", () => layerNorm(symbolic(), input("w", [4]), input("b", [3]), { epsilon: 1e-5 }));
  expect(build).toThrow(
    'LayerNormalization "ln1": [batch,3,4], [4], [3]: weight and bias must have the extent of the last axis',
  );
});

import { expect, test } from "vitest";
import { type NdArray, noise, sumOver } from "../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../test/support/evaluate.ts";
import { gradients } from "../graph/gradients.ts";
import { sum } from "../graph/ops/reduce.ts";
import { batchDim } from "../graph/shape.ts";
import { constant, input } from "../graph/tensor.ts";
import { sinkhorn } from "./sinkhorn.ts";

/** The published loop (SwAV's `distributed_sinkhorn`), in double precision and on the matrix itself. */
function byHand({ shape: [n, k], data }: NdArray, epsilon: number, iterations: number, weight?: number[]): number[] {
  const [rows, columns] = [n!, k!];
  const top = Math.max(...Array.from(data));
  const q = Array.from(data, (v, i) => Math.exp((v - top) / epsilon) * (weight?.[Math.floor(i / columns)] ?? 1));
  const scale = (indices: number[], to: number) => {
    const total = sumOver(indices.length, (i) => q[indices[i]!]!);
    for (const i of indices) q[i]! *= total === 0 ? 0 : to / total;
  };
  for (let iteration = 0; iteration < iterations; iteration++) {
    for (let j = 0; j < columns; j++) {
      scale(
        Array.from({ length: rows }, (_, i) => i * columns + j),
        1 / columns,
      );
    }
    for (let i = 0; i < rows; i++) {
      scale(
        Array.from({ length: columns }, (_, j) => i * columns + j),
        1 / rows,
      );
    }
  }
  return q.map((value) => value * rows);
}

const entry = (x: NdArray, i: number, j: number) => x.data[i * x.shape[1]! + j]!;

test.each([
  [8, 4, 0.05, 3],
  [8, 4, 0.05, 1],
  [5, 12, 0.1, 3],
  [7, 7, 1, 5],
  [16, 32, 0.02, 3], // differences of e¹⁰⁰
])(
  "sinkhorn: %i rows and %i columns at ε = %d are those of the loop over the matrix",
  async (n, k, epsilon, iterations) => {
    const scores = noise([n, k]);
    const q = sinkhorn(input("x", [batchDim(), k]), { epsilon, iterations });
    const found = (await evaluate({ q }, { x: scores })).q!;
    expectClose(found, { shape: [n, k], data: byHand(scores, epsilon, iterations) }, { rtol: 2e-5, atol: 1e-6 });
  },
);

test("sinkhorn: rows sum to 1 and, after many iterations, columns to n/k", async () => {
  const [n, k] = [12, 5];
  const x = input("x", [batchDim(), k]);
  const { three, many } = await evaluate(
    { three: sinkhorn(x, { epsilon: 0.1 }), many: sinkhorn(x, { epsilon: 0.1, iterations: 60 }) },
    { x: noise([n, k], 3) },
  );
  for (const q of [three!, many!]) {
    for (let i = 0; i < n; i++) expect(sumOver(k, (j) => entry(q, i, j))).toBeCloseTo(1, 5);
  }
  const columns = (q: NdArray) => Array.from({ length: k }, (_, j) => sumOver(n, (i) => entry(q, i, j)));
  for (const total of columns(many!)) expect(total).toBeCloseTo(n / k, 3);
  for (const total of columns(three!)) expect(Math.abs(total - n / k)).toBeLessThan(0.3 * (n / k));
});

test("sinkhorn: balances each matrix of a batch by itself, with a temperature of the graph", async () => {
  const x = noise([3, 6, 4], 5);
  const q = sinkhorn(input("x", [batchDim(), 6, 4]), { epsilon: input("t", []) });
  const found = (await evaluate({ q }, { x, t: { shape: [], data: [0.2] } })).q!;
  const expected = [0, 1, 2].flatMap((b) =>
    byHand({ shape: [6, 4], data: x.data.slice(24 * b, 24 * b + 24) }, 0.2, 3),
  );
  expectClose(found, { shape: [3, 6, 4], data: expected }, { rtol: 2e-5, atol: 1e-6 });
});

test("sinkhorn: a single row is its softmax", async () => {
  const x = noise([1, 5]);
  const total = sumOver(5, (j) => Math.exp(x.data[j]! / 0.5));
  const expected = { shape: [1, 5], data: x.data.map((v) => Math.exp(v / 0.5) / total) };
  for (const rows of [1, batchDim()]) {
    const q = sinkhorn(input("x", [rows, 5]), { epsilon: 0.5 });
    expectClose((await evaluate({ q }, { x })).q!, expected);
  }
  const q = sinkhorn(input("x", [3, 5]), { epsilon: 0.5, weight: input("w", [3]) });
  const alone = {
    x: { shape: [3, 5], data: [...x.data, ...noise([2, 5], 7).data] },
    w: { shape: [3], data: [1, 0, 0] },
  };
  expect(Array.from((await evaluate({ q }, alone)).q!.data).slice(0, 5)).toEqual(
    expected.data.map((v) => expect.closeTo(v, 5)),
  );
});

test("sinkhorn: rows of weight 0 change nothing for the others", async () => {
  const x = noise([2, 6, 4], 9);
  const w = { shape: [2, 6], data: [1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1] };
  const q = sinkhorn(input("x", [2, 6, 4]), { epsilon: 0.1, weight: input("w", [2, 6]) });
  const found = (await evaluate({ q }, { x, w })).q!.data as number[];
  const kept = [0, 1, 3, 4].flatMap((i) => x.data.slice(4 * i, 4 * i + 4));
  const expected = byHand({ shape: [4, 4], data: kept }, 0.1, 3);
  const rows = [0, 1, 3, 4].flatMap((i) => found.slice(4 * i, 4 * i + 4));
  expectClose({ shape: [16], data: rows }, { shape: [16], data: expected }, { rtol: 1e-4, atol: 1e-6 });
  const whole = byHand({ shape: [6, 4], data: x.data.slice(24) }, 0.1, 3);
  expectClose({ shape: [24], data: found.slice(24) }, { shape: [24], data: whole }, { rtol: 1e-4, atol: 1e-6 });
});

test("sinkhorn: scores of ±10⁴, and rows far below the others, are assigned all the same", async () => {
  const x = { shape: [3, 2], data: [1e4, -1e4, -1e4, 1e4, -9e3, -9e3] };
  const q = (await evaluate({ q: sinkhorn(input("x", [3, 2]), { epsilon: 0.05 }) }, { x })).q!;
  expect(q.data).toEqual([1, 0, 0, 1, 0.5, 0.5]);
});

test("sinkhorn: no gradient passes", async () => {
  const x = input("x", [4, 3]);
  const loss = sum(sinkhorn(x, { epsilon: 0.1 }), { axes: [0, 1] });
  const [d] = gradients([{ of: loss, value: constant([1], []) }], [x]);
  expect((await evaluate({ d: d! }, { x: noise([4, 3]) })).d!.data).toEqual(new Array(12).fill(0));
});

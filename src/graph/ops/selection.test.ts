import { expect, test } from "vitest";
import { at, nd, noise, sumOver } from "../../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../../test/support/evaluate.ts";
import { batchDim } from "../shape.ts";
import { emit, indices, input, type OpRule, type Tensor } from "../tensor.ts";
import { abs } from "./abs.ts";
import { argMax } from "./arg-max.ts";
import { equal, oneHot } from "./equal.ts";
import { log } from "./log.ts";
import { logSoftmax } from "./log-softmax.ts";
import { logSumExp } from "./log-sum-exp.ts";
import { countOf } from "./reduce.ts";
import { softplus } from "./softplus.ts";
import { where } from "./where.ts";

test("abs, log and softplus: equal the formulas", async () => {
  const x = { shape: [2, 4], data: [-3, -0.5, 0, 2, 0.25, -20, 20, 1e-3] };
  const t = input("x", [batchDim(), 4]);
  const { a, l, s } = await evaluate({ a: abs(t), l: log(abs(t)), s: softplus(t) }, { x });
  const map = (f: (v: number) => number) => ({ shape: x.shape, data: x.data.map(f) });
  expectClose(a!, map(Math.abs));
  expect(l!.data[2]).toBe(Number.NEGATIVE_INFINITY);
  expectClose(
    { shape: [5], data: Array.from(l!.data).slice(3) },
    { shape: [5], data: x.data.slice(3).map((v) => Math.log(Math.abs(v))) },
  );
  expectClose(
    s!,
    map((v) => Math.log1p(Math.exp(v))),
  );
});

test("equal: 1 where both are the same, of numbers and of indices, with broadcasting", async () => {
  const [a, b, i] = [input("a", [2, 2]), input("b", [2]), input("i", [batchDim(), 1], "int64")];
  const feeds = {
    a: { shape: [2, 2], data: [1, 2, 2, 1] },
    b: { shape: [2], data: [1, 1] },
    i: { shape: [2, 1], data: [7, 255] },
  };
  const results = await evaluate({ x: equal(a, b), y: equal(i, indices([255, 7])) }, feeds);
  expect(results.x).toEqual({ shape: [2, 2], data: [1, 0, 0, 1] });
  expect(results.y).toEqual({ shape: [2, 2], data: [0, 1, 1, 0] });
  expect(() => equal(a, indices([1, 2]))).toThrow("the types float32 and int64 differ");
});

test("oneHot: an index outside has no place", async () => {
  const index = { shape: [2, 2], data: [0, 2, 255, -1] };
  const { y } = await evaluate({ y: oneHot(input("i", [batchDim(), 2], "int64"), 3) }, { i: index });
  expect(y).toEqual({ shape: [2, 2, 3], data: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] });
});

test("where: what is not chosen has no influence, not even if it is not a number", async () => {
  const greater: OpRule<readonly [Tensor, Tensor]> = {
    onnx: ["Greater", 13],
    type: ([a]) => ({ shape: a.shape, dtype: "bool" }),
  };
  const [a, b] = [input("a", [2, 3]), input("b", [1, 3])];
  const feeds = { a: { shape: [2, 3], data: [1, Number.NaN, 5, 0, 2, 9] }, b: { shape: [1, 3], data: [2, 2, 2] } };
  const { y } = await evaluate({ y: where(emit(greater, [a, b], {}), a, b) }, feeds);
  expect(y).toEqual({ shape: [2, 3], data: [2, 2, 5, 2, 2, 9] });
  expect(() => where(a, a, b)).toThrow("the condition must be bool");
});

test("argMax: the first of the largest, along the last axis", async () => {
  const x = { shape: [3, 3], data: [1, 3, 2, 5, 5, 1, -1, -2, -1] };
  const { y } = await evaluate({ y: argMax(input("x", [batchDim(), 3])) }, { x });
  expect(y).toEqual({ shape: [3], data: [1, 0, 0] });
});

test("logSoftmax and logSumExp: equal the formulas, and take logits of ±10⁴", async () => {
  const t = input("x", [batchDim(), 4]);
  const x = noise([3, 4]);
  const outputs = { y: logSoftmax(t), z: logSumExp(t) };
  const { y, z } = await evaluate(outputs, { x });
  const total = (i: number) => Math.log(sumOver(4, (k) => Math.exp(at(x, [i, k]))));
  expectClose(
    y!,
    nd([3, 4], ([i, k]) => at(x, [i!, k!]) - total(i!)),
  );
  expectClose(
    z!,
    nd([3, 1], ([i]) => total(i!)),
  );
  const extreme = await evaluate(outputs, { x: { shape: [1, 4], data: [1e4, -1e4, 0, 1e4 - 1] } });
  const rest = Math.log1p(Math.exp(-1));
  expectClose(extreme.y!, { shape: [1, 4], data: [-rest, -2e4 - rest, -1e4 - rest, -1 - rest] });
  expectClose(extreme.z!, { shape: [1, 1], data: [1e4 + rest] });
});

test("countOf: the number of values along axes, also of a symbolic batch", async () => {
  const x = input("x", [{ symbol: "batch", times: 2 }, 3, 4]);
  const { a, b } = await evaluate({ a: countOf(x, [0, 2]), b: countOf(x, [1]) }, { x: noise([10, 3, 4]) });
  expect([a!.data, b!.data]).toEqual([[40], [3]]);
});

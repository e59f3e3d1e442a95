import { expect, test } from "vitest";
import { at, type NdArray, nd, noise, sumOver } from "../../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../../test/support/evaluate.ts";
import { batchDim } from "../shape.ts";
import { input, parameter, scope } from "../tensor.ts";
import { gemm } from "./gemm.ts";
import { matMul } from "./mat-mul.ts";

const product = (a: NdArray, b: NdArray, lead: number[]) => {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  return nd([...lead, m, n], (index) => {
    const [outer, i, j] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!];
    return sumOver(k, (l) => at(a, [...outer, i, l]) * at(b, [...outer, l, j]));
  });
};

test("MatMul: products of matrices, leading axes broadcast", async () => {
  const cases: [number[], number[], number[]][] = [
    [[2, 3, 4], [2, 4, 5], [2]],
    [[2, 3, 4], [4, 5], [2]],
    [[3, 4], [2, 4, 5], [2]],
    [
      [2, 1, 3, 4],
      [1, 5, 4, 2],
      [2, 5],
    ],
    [[1, 4], [4, 1], []],
  ];
  for (const [left, right, lead] of cases) {
    const [a, b] = [noise(left, 1), noise(right, 2)];
    const { y } = await evaluate({ y: matMul(input("a", left), input("b", right)) }, { a, b });
    expectClose(y!, product(a, b, lead));
  }
});

test("MatMul: a symbolic batch stays symbolic", async () => {
  const [a, b] = [noise([3, 2, 4], 1), noise([3, 4, 5], 2)];
  const y = matMul(input("a", [batchDim(), 2, 4]), input("b", [batchDim(), 4, 5]));
  expectClose((await evaluate({ y }, { a, b })).y!, product(a, b, [3]));
});

test("MatMul: shapes that do not fit are refused", () => {
  const build = (a: number[], b: number[]) => () =>
    scope("s2", () => scope("blk3", () => matMul(input("a", a), input("b", b))));
  expect(build([8, 196, 64], [8, 32, 196])).toThrow(
    'MatMul "s2.blk3": [8,196,64], [8,32,196]: the inner extents differ',
  );
  expect(build([8, 3, 4], [7, 4, 3])).toThrow("the leading axes do not broadcast");
  expect(build([4], [4, 3])).toThrow("both must have two axes or more");
});

test("Gemm: x Wᵀ + bias, with and without the bias", async () => {
  const [x, weight, bias] = [noise([6, 4], 1), noise([5, 4], 2), noise([5], 3)];
  const args = [input("x", [batchDim(), 4]), parameter("weight", [5, 4])] as const;
  const outputs = { y: gemm(...args, parameter("bias", [5])), z: gemm(...args) };
  const { y, z } = await evaluate(outputs, { x, weight, bias });
  const plain = (i: number, j: number) => sumOver(4, (k) => at(x, [i, k]) * at(weight, [j, k]));
  expectClose(
    y!,
    nd([6, 5], ([i, j]) => plain(i!, j!) + at(bias, [j!])),
  );
  expectClose(
    z!,
    nd([6, 5], ([i, j]) => plain(i!, j!)),
  );
});

test("Gemm: shapes that do not fit are refused", () => {
  const x = input("x", [6, 4]);
  expect(() => scope("ffn", () => gemm(x, input("w", [5, 3])))).toThrow(
    'Gemm "ffn": [6,4], [5,3]: the inner extents differ',
  );
  expect(() => gemm(x, input("w", [5, 4]), input("b", [4]))).toThrow(
    "[6,4], [5,4], [4]: the bias must have one value an output",
  );
  expect(() => gemm(input("x", [2, 3, 4]), input("w", [5, 4]))).toThrow("both must be matrices");
});

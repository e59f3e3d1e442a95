import fc from "fast-check";
import { expect, test } from "vitest";
import { at, nd, noise, sumOver } from "../../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../../test/support/evaluate.ts";
import { batchDim } from "../shape.ts";
import { input } from "../tensor.ts";
import { adaptiveAvgPool, adaptivePoolMatrix } from "./adaptive-avg-pool.ts";
import { interpolationMatrix, resize } from "./resize.ts";

const x = noise([2, 3, 5, 2]);
const symbolic = () => input("x", [batchDim(), 3, 5, 2]);

test("resize: a map keeps its channels and batch, and each axis is interpolated on its own", async () => {
  for (const mode of ["bilinear", "bicubic"] as const) {
    const rows = interpolationMatrix({ from: 3, to: 4 }, { mode });
    const columns = interpolationMatrix({ from: 5, to: 2 }, { mode });
    const { y } = await evaluate({ y: resize(symbolic(), [4, 2], { mode }) }, { x });
    const expected = nd([2, 4, 2, 2], ([b, i, j, c]) =>
      sumOver(3, (r) => sumOver(5, (s) => rows[i! * 3 + r]! * columns[j! * 5 + s]! * at(x, [b!, r, s, c!]))),
    );
    expectClose(y!, expected);
  }
});

const sizes = fc.record({ from: fc.integer({ min: 1, max: 40 }), to: fc.integer({ min: 1, max: 40 }) });
const anyMode = fc.record({
  mode: fc.constantFrom("bilinear" as const, "bicubic" as const),
  alignCorners: fc.boolean(),
});

test("interpolationMatrix: a constant stays that constant at every size", () => {
  fc.assert(
    fc.property(sizes, anyMode, ({ from, to }, options) => {
      const matrix = interpolationMatrix({ from, to }, options);
      for (let i = 0; i < to; i++) expect(sumOver(from, (j) => matrix[i * from + j]!)).toBeCloseTo(1, 5);
    }),
  );
});

test("interpolationMatrix: the same size is the identity", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), anyMode, (n, options) => {
      const matrix = interpolationMatrix({ from: n, to: n }, options);
      expect(matrix.every((weight, k) => Math.abs(weight - (k % (n + 1) === 0 ? 1 : 0)) < 1e-6)).toBe(true);
    }),
  );
});

test("adaptiveAvgPool: each output is the mean of its bin, bins overlap where they must", async () => {
  const { y } = await evaluate({ y: adaptiveAvgPool(symbolic(), [2, 3]) }, { x });
  const bin = (i: number, from: number, to: number) => {
    const start = Math.floor((i * from) / to);
    return Array.from({ length: Math.ceil(((i + 1) * from) / to) - start }, (_, k) => start + k);
  };
  const expected = nd([2, 2, 3, 2], ([b, i, j, c]) => {
    const cells = bin(i!, 3, 2).flatMap((r) => bin(j!, 5, 3).map((s) => at(x, [b!, r, s, c!])));
    return cells.reduce((sum, v) => sum + v, 0) / cells.length;
  });
  expectClose(y!, expected);
});

test("adaptivePoolMatrix: every row sums to one, and every cell is used", () => {
  fc.assert(
    fc.property(sizes, ({ from, to }) => {
      const matrix = adaptivePoolMatrix({ from, to });
      for (let i = 0; i < to; i++) expect(sumOver(from, (j) => matrix[i * from + j]!)).toBeCloseTo(1, 5);
      for (let j = 0; j < from; j++) expect(sumOver(to, (i) => matrix[i * from + j]!)).toBeGreaterThan(0);
    }),
  );
});

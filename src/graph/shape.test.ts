import fc from "fast-check";
import { expect, test } from "vitest";
import {
  batchDim,
  broadcastShapes,
  type Dim,
  fixedShape,
  formatShape,
  resolveAxis,
  type Shape,
  sameShape,
  sizeOf,
  sumDims,
  timesDim,
} from "./shape.ts";

const batchSize = fc.integer({ min: 1, max: 7 });
const fixed = fc.integer({ min: 1, max: 5 });
const multiple = fc.integer({ min: 1, max: 4 }).map((times): Dim => ({ symbol: "batch", times }));
/** At most one symbolic extent. */
const anyShape = fc
  .tuple(fc.array(fixed, { maxLength: 3 }), fc.option(multiple), fc.array(fixed, { maxLength: 3 }))
  .map(([before, dim, after]): Shape => [...before, ...(dim === null ? [] : [dim]), ...after]);
const size = (shape: readonly number[]) => shape.reduce((n, extent) => n * extent, 1);

test("sizeOf: with the batch filled in, is the product of the extents", () => {
  fc.assert(
    fc.property(anyShape, batchSize, (shape, batch) => {
      expect(fixedShape([sizeOf(shape)], batch)).toEqual([size(fixedShape(shape, batch))]);
    }),
  );
});

test("sumDims: with the batch filled in, is the sum", () => {
  const alike = fc.oneof(fc.array(fixed, { minLength: 1 }), fc.array(multiple, { minLength: 1 }));
  fc.assert(
    fc.property(alike, batchSize, (dims, batch) => {
      expect(fixedShape([sumDims(dims)], batch)).toEqual([fixedShape(dims, batch).reduce((a, b) => a + b)]);
    }),
  );
});

test("sumDims and timesDim: what has no single symbol is refused", () => {
  expect(() => sumDims([2, batchDim()])).toThrow("cannot add a symbolic to a fixed dimension");
  expect(() => sumDims([batchDim(), 2])).toThrow("cannot add unlike dimensions");
  expect(() => sumDims([batchDim("a"), batchDim("b")])).toThrow("cannot add unlike dimensions");
  expect(() => timesDim(batchDim(), batchDim())).toThrow("a shape has one symbolic dimension at most");
  expect(sumDims([])).toBe(0);
});

test("broadcastShapes: follows NumPy's rule, in either order, for fixed extents", () => {
  const shape = fc.array(fc.constantFrom(1, 2, 3), { maxLength: 4 });
  fc.assert(
    fc.property(shape, shape, (a, b) => {
      const rank = Math.max(a.length, b.length);
      const pairs = Array.from({ length: rank }, (_, i) => [a.at(i - rank) ?? 1, b.at(i - rank) ?? 1] as const);
      const expected = pairs.every(([x, y]) => x === y || x === 1 || y === 1)
        ? pairs.map(([x, y]) => Math.max(x, y))
        : undefined;
      expect(broadcastShapes(a, b)).toEqual(expected);
      expect(broadcastShapes(b, a)).toEqual(expected);
    }),
  );
});

test("broadcastShapes: a symbolic extent fits itself and 1, nothing else", () => {
  const twice = timesDim(batchDim(), 2);
  expect(broadcastShapes([batchDim(), 4], [1, 4])).toEqual([batchDim(), 4]);
  expect(broadcastShapes([4], [batchDim(), 4])).toEqual([batchDim(), 4]);
  expect(broadcastShapes([twice], [twice])).toEqual([twice]);
  expect(broadcastShapes([batchDim()], [twice])).toBeUndefined();
  expect(broadcastShapes([batchDim()], [4])).toBeUndefined();
  expect(broadcastShapes([batchDim("a")], [batchDim("b")])).toBeUndefined();
});

test("sameShape: compares rank, extents and symbols", () => {
  fc.assert(fc.property(anyShape, (shape) => sameShape(shape, [...shape])));
  expect(sameShape([2], [2, 1])).toBe(false);
  expect(sameShape([batchDim()], [timesDim(batchDim(), 2)])).toBe(false);
});

test("formatShape: names the batch and its multiples", () => {
  expect(formatShape([timesDim(batchDim(), 64), 49, 96])).toBe("[batch·64,49,96]");
  expect(formatShape([batchDim()])).toBe("[batch]");
  expect(formatShape([])).toBe("[]");
});

test("resolveAxis: counts from the end when negative, and refuses what is not there", () => {
  expect([resolveAxis(0, 3), resolveAxis(-1, 3), resolveAxis(-3, 3)]).toEqual([0, 2, 0]);
  for (const axis of [3, -4, 0.5]) expect(() => resolveAxis(axis, 3)).toThrow(`axis ${axis} does not exist`);
});

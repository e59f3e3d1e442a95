import fc from "fast-check";
import { expect, test } from "vitest";
import { at, nd, noise, sumOver } from "../../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../../test/support/evaluate.ts";
import { batchDim } from "../shape.ts";
import { input } from "../tensor.ts";
import { adaptiveAvgPool, adaptiveAvgPoolImage } from "./adaptive-avg-pool.ts";
import { batchNorm, batchNormAffine } from "./batch-norm.ts";
import { conv2d } from "./conv2d.ts";
import { maxPool } from "./max-pool.ts";
import { resize, resizeImage } from "./resize.ts";
import { transpose } from "./transpose.ts";

test("conv2d: equals the sum over the kernel's cells for any stride, padding and dilation", async () => {
  const options = fc.record({
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  });
  await fc.assert(
    fc.asyncProperty(options, async ({ stride, padding, dilation, kernel: [kh, kw] }) => {
      const [x, weight, bias] = [noise([2, 3, 6, 5], 1), noise([4, 3, kh, kw], 2), noise([4], 3)];
      const y = conv2d(input("x", [batchDim(), 3, 6, 5]), input("weight", weight.shape), {
        bias: input("bias", [4]),
        stride,
        padding,
        dilation,
      });
      const results = await evaluate({ y }, { x, weight, bias });
      const out = (extent: number, k: number) =>
        Math.floor((extent + 2 * padding - dilation * (k - 1) - 1) / stride) + 1;
      const cell = (b: number, c: number, r: number, s: number) =>
        r >= 0 && r < 6 && s >= 0 && s < 5 ? at(x, [b, c, r, s]) : 0;
      const expected = nd([2, 4, out(6, kh), out(5, kw)], ([b, o, r, s]) => {
        const total = sumOver(3, (c) =>
          sumOver(kh, (i) =>
            sumOver(
              kw,
              (j) =>
                at(weight, [o!, c, i, j]) *
                cell(b!, c, r! * stride - padding + i * dilation, s! * stride - padding + j * dilation),
            ),
          ),
        );
        return total + at(bias, [o!]);
      });
      expectClose(results.y!, expected, { rtol: 1e-5, atol: 1e-5 });
    }),
    { numRuns: 25 },
  );
});

test("conv2d: shapes that do not fit are refused", () => {
  const x = input("x", [2, 3, 4, 4]);
  expect(() => conv2d(x, input("w", [5, 4, 3, 3]))).toThrow('Conv "": [2,3,4,4], [5,4,3,3]: the channels differ');
  expect(() => conv2d(x, input("w", [5, 3, 5, 1]))).toThrow("the kernel is larger than the map");
  expect(() => conv2d(x, input("w", [5, 3]))).toThrow("both must have four axes");
  expect(() => conv2d(x, input("w", [5, 3, 1, 1]), { bias: input("b", [4]) })).toThrow("one value an output");
});

test("maxPool: the largest value of each window; padding never wins", async () => {
  const x = noise([2, 2, 5, 4]);
  x.data = x.data.map((v) => v - 2);
  const y = maxPool(input("x", [batchDim(), 2, 5, 4]), { kernel: 3, stride: 2, padding: 1 });
  const results = await evaluate({ y }, { x });
  const window = (i: number, extent: number) => [2 * i - 1, 2 * i, 2 * i + 1].filter((k) => k >= 0 && k < extent);
  expectClose(
    results.y!,
    nd([2, 2, 3, 2], ([b, c, i, j]) =>
      Math.max(...window(i!, 5).flatMap((r) => window(j!, 4).map((s) => at(x, [b!, c!, r, s])))),
    ),
  );
});

test("batchNorm: normalises by the batch's moments and tells them, the variance unbiased", async () => {
  const [x, weight, bias] = [noise([3, 2, 2, 4]), noise([2], 2), noise([2], 3)];
  x.data = x.data.map((v) => 3 + 5 * v);
  const { y, moments } = batchNorm(
    { weight: input("weight", [2]), bias: input("bias", [2]) },
    input("x", [batchDim(), 2, 2, 4]),
    { epsilon: 1e-5 },
  );
  const results = await evaluate({ y, ...moments }, { x, weight, bias });
  const all = (c: number) => x.data.filter((_, i) => Math.floor(i / 8) % 2 === c);
  const average = (c: number) => all(c).reduce((a, b) => a + b) / 24;
  const squares = (c: number) => all(c).reduce((sum, v) => sum + (v - average(c)) ** 2, 0);
  expectClose(
    results.mean!,
    nd([2], ([c]) => average(c!)),
  );
  expectClose(
    results.variance!,
    nd([2], ([c]) => squares(c!) / 23),
  );
  expectClose(
    results.y!,
    nd(x.shape, ([b, c, i, j]) => {
      const normal = (at(x, [b!, c!, i!, j!]) - average(c!)) / Math.sqrt(squares(c!) / 24 + 1e-5);
      return normal * at(weight, [c!]) + at(bias, [c!]);
    }),
  );
});

test("batchNorm: one value a channel is refused", () => {
  const p = { weight: input("weight", [2]), bias: input("bias", [2]) };
  expect(() => batchNorm(p, input("x", [1, 2, 1, 1]), { epsilon: 1e-5 })).toThrow("more than one value a channel");
});

test("batchNormAffine: factor and summand are those of (x − mean) / √(variance + ε) · weight + bias", async () => {
  const p = { weight: input("weight", [2]), bias: input("bias", [2]) };
  const { scale, shift } = batchNormAffine(
    p,
    { mean: input("mean", [2]), variance: input("variance", [2]) },
    { epsilon: 0.5 },
  );
  const feeds = { weight: [2, -3], bias: [1, 0], mean: [4, 5], variance: [1.5, 0] };
  const arrays = Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, { shape: [2], data }]));
  const results = await evaluate({ scale, shift }, arrays);
  expectClose(
    results.scale!,
    nd([2], ([c]) => feeds.weight[c!]! / Math.sqrt(feeds.variance[c!]! + 0.5)),
  );
  expectClose(
    results.shift!,
    nd([2], ([c]) => feeds.bias[c!]! - (feeds.mean[c!]! * feeds.weight[c!]!) / Math.sqrt(feeds.variance[c!]! + 0.5)),
  );
});

test("resizeImage and adaptiveAvgPoolImage: are those of channels last", async () => {
  const x = input("x", [batchDim(), 3, 4, 5]);
  const last = transpose(x, [0, 2, 3, 1]);
  const first = (map: typeof x) => transpose(map, [0, 3, 1, 2]);
  const results = await evaluate(
    {
      a: resizeImage(x, [7, 3], { mode: "bicubic" }),
      b: first(resize(last, [7, 3], { mode: "bicubic" })),
      c: adaptiveAvgPoolImage(x, [3, 6]),
      d: first(adaptiveAvgPool(last, [3, 6])),
    },
    { x: noise([2, 3, 4, 5]) },
  );
  expectClose(results.a!, results.b!);
  expectClose(results.c!, results.d!);
});

test("resizeImage: to the same size is nothing", () => {
  const x = input("x", [2, 3, 4, 5]);
  expect(resizeImage(x, [4, 5], { mode: "bilinear" })).toBe(x);
});

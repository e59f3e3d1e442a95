import { expect, test } from "vitest";
import { nd, noise } from "../../test/support/arrays.ts";
import { type CheckGradOptions, checkGrad } from "../../test/support/check-grad.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { gradients } from "./gradients.ts";
import { abs } from "./ops/abs.ts";
import { adaptiveAvgPool, adaptiveAvgPoolImage } from "./ops/adaptive-avg-pool.ts";
import { add } from "./ops/add.ts";
import { argMax } from "./ops/arg-max.ts";
import { batchNorm, batchNormAffine } from "./ops/batch-norm.ts";
import { toFloat } from "./ops/cast.ts";
import { atLeast } from "./ops/clip.ts";
import { concat, split } from "./ops/concat.ts";
import { conv2d } from "./ops/conv2d.ts";
import { div } from "./ops/div.ts";
import { equal } from "./ops/equal.ts";
import { erf } from "./ops/erf.ts";
import { exp } from "./ops/exp.ts";
import { gather, rearrange } from "./ops/gather.ts";
import { gelu } from "./ops/gelu.ts";
import { gemm } from "./ops/gemm.ts";
import { greater } from "./ops/greater.ts";
import { layerNorm } from "./ops/layer-norm.ts";
import { log } from "./ops/log.ts";
import { logSoftmax } from "./ops/log-softmax.ts";
import { logSumExp } from "./ops/log-sum-exp.ts";
import { matMul } from "./ops/mat-mul.ts";
import { max } from "./ops/max.ts";
import { maxPool } from "./ops/max-pool.ts";
import { min } from "./ops/min.ts";
import { mul } from "./ops/mul.ts";
import { pad, slice } from "./ops/pad.ts";
import { expandLike, mean, norm, sum } from "./ops/reduce.ts";
import { relu } from "./ops/relu.ts";
import { reshape } from "./ops/reshape.ts";
import { resize, resizeImage } from "./ops/resize.ts";
import { sigmoid } from "./ops/sigmoid.ts";
import { softmax } from "./ops/softmax.ts";
import { softplus } from "./ops/softplus.ts";
import { sqrt } from "./ops/sqrt.ts";
import { stopGradient } from "./ops/stop-gradient.ts";
import { sub } from "./ops/sub.ts";
import { transpose } from "./ops/transpose.ts";
import { where } from "./ops/where.ts";
import { batchDim } from "./shape.ts";
import { constant, indices, input, scalar, type Tensor } from "./tensor.ts";

/** Away from 0 by at least 0.2, where functions have kinks or poles. */
const offZero = (v: number) => v + 0.2 * Math.sign(v);
/** The second operand is far from the first, on either side. */
const apart = (v: number, i: number) => (i === 0 ? v / 10 : v + 0.3 * Math.sign(v));
const positive = (v: number) => 1.2 + v;

type Case = [name: string, f: (...xs: Tensor[]) => Tensor, options: CheckGradOptions];

const broadcasts: Record<string, number[][]> = {
  "equal shapes": [
    [3, 2, 4],
    [3, 2, 4],
  ],
  "a row": [[3, 2, 4], [4]],
  "a scalar on the left": [[], [3, 2, 4]],
  "both sides": [
    [3, 1, 4],
    [2, 1],
  ],
};

const binary: [string, (a: Tensor, b: Tensor) => Tensor, CheckGradOptions["domain"]?][] = [
  ["add", add],
  ["sub", sub],
  ["mul", mul],
  ["div", div, offZero],
  ["max", max, apart],
  ["min", min, apart],
];
const binaryCases = binary.flatMap(([name, f, domain]) =>
  Object.entries(broadcasts).map(
    ([how, shapes]): Case => [`${name}, ${how}`, f, { shapes, ...(domain && { domain }) }],
  ),
);

const unary: [string, (x: Tensor) => Tensor, CheckGradOptions["domain"]?][] = [
  ["abs", abs, offZero],
  ["atLeast", (x) => atLeast(x, 0), offZero],
  ["erf", erf],
  ["exp", exp],
  ["gelu", gelu],
  ["log", log, positive],
  ["logSoftmax", logSoftmax],
  ["logSumExp", logSumExp],
  ["relu", relu, offZero],
  ["sigmoid", sigmoid],
  ["softmax", softmax],
  ["softplus", softplus],
  ["sqrt", sqrt, positive],
];
const unaryCases = unary.flatMap(([name, f, domain]): Case[] => [
  [name, f, { shapes: [[3, 5]], ...(domain && { domain }) }],
  [`${name} of a symbolic batch`, f, { shapes: [[2, 3, 4]], symbolic: true, ...(domain && { domain }) }],
]);

const truth = indices([1, 0, 0, 1], [4]);
const isOne = (() => {
  // A condition as `where` takes it: the comparison before its cast.
  const compared = equal(truth, indices([1, 1, 1, 1])).node;
  return compared.kind === "op" ? compared.inputs[0]! : truth;
})();

const cases: Case[] = [
  ...binaryCases,
  ...unaryCases,
  ["sum over some axes", (x) => sum(x, { axes: [0, 2] }), { shapes: [[3, 2, 4]] }],
  ["sum, axes kept", (x) => sum(x, { axes: [-1], keepDims: true }), { shapes: [[3, 2, 4]] }],
  ["mean", (x) => mean(x, { axes: [1] }), { shapes: [[3, 2, 4]] }],
  ["mean over a symbolic batch", (x) => mean(x, { axes: [0, 1] }), { shapes: [[3, 2, 4]], symbolic: true }],
  ["norm", (x) => norm(x, { axes: [-1] }), { shapes: [[3, 4]] }],
  ["norm, axes kept", (x) => norm(x, { axes: [0, 2], keepDims: true }), { shapes: [[3, 2, 4]] }],
  [
    "expandLike",
    (x, y) => expandLike(x, y),
    {
      shapes: [
        [1, 4],
        [2, 3, 4],
      ],
    },
  ],
  ["reshape", (x) => mul(reshape(x, [4, 3]), constant(noise([4, 3], 5).data, [4, 3])), { shapes: [[2, 6]] }],
  ["transpose", (x) => transpose(x, [2, 0, 1]), { shapes: [[2, 3, 4]] }],
  ["slice", (x) => slice(x, { axis: 1, start: 1, end: 3 }), { shapes: [[2, 4, 3]] }],
  ["pad", (x) => pad(x, { before: [0, 1, 2], after: [2, 0, 1] }), { shapes: [[2, 4, 3]] }],
  [
    "concat",
    (a, b) => concat([a, b, a], { axis: 1 }),
    {
      shapes: [
        [2, 1, 3],
        [2, 2, 3],
      ],
    },
  ],
  [
    "concat of symbolic batches",
    (a, b) => concat([a, b, a], { axis: 0 }),
    {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      symbolic: true,
    },
  ],
  ["split, one part unused", (x) => split(x, [1, 2, 1], { axis: 1 })[1]!, { shapes: [[2, 4]] }],
  ["gather of repeated rows", (x) => gather(x, indices([2, 0, 2, 1], [2, 2])), { shapes: [[4, 3]] }],
  ["gather on a later axis", (x) => gather(x, indices([2, 0, 2, 1], [2, 2]), { axis: 1 }), { shapes: [[2, 3, 4]] }],
  [
    "gather of columns in front of others",
    (x) => gather(x, indices([1, 1, 0]), { axis: -1 }),
    { shapes: [[2, 3, 2]] },
  ],
  ["rearrange with gaps", (x) => rearrange(x, Int32Array.of(3, -1, 0, 1), { axis: 1 }), { shapes: [[2, 4, 3]] }],
  [
    "rearrange as a cyclic shift",
    (x) => rearrange(x, Int32Array.of(3, 0, 1, 2), { axis: 2 }),
    { shapes: [[2, 3, 4]] },
  ],
  ["where", (a, b) => where(isOne, a, b), { shapes: [[3, 4], [4]] }],
  [
    "matMul",
    matMul,
    {
      shapes: [
        [2, 3, 4],
        [2, 4, 5],
      ],
    },
  ],
  [
    "matMul by one matrix",
    matMul,
    {
      shapes: [
        [2, 3, 4],
        [4, 5],
      ],
    },
  ],
  [
    "matMul, leading axes broadcast on both sides",
    matMul,
    {
      shapes: [
        [2, 1, 3, 4],
        [5, 4, 2],
      ],
    },
  ],
  ["gemm", (x, w, b) => gemm(x, w, b), { shapes: [[6, 4], [5, 4], [5]] }],
  [
    "gemm without a bias",
    (x, w) => gemm(x, w),
    {
      shapes: [
        [6, 4],
        [5, 4],
      ],
    },
  ],
  [
    "layerNorm",
    (x, w, b) => layerNorm(x, w, b, { epsilon: 1e-5 }),
    { shapes: [[2, 3, 6], [6], [6]], domain: (v, i) => (i === 1 ? positive(v) : 2 * v) },
  ],
  [
    "layerNorm where epsilon matters",
    (x, w, b) => layerNorm(x, w, b, { epsilon: 1 }),
    { shapes: [[4, 6], [6], [6]] },
  ],
  [
    "batchNorm",
    (x, weight, bias) => batchNorm({ weight, bias }, x, { epsilon: 1e-5 }).y,
    { shapes: [[3, 2, 2, 3], [2], [2]] },
  ],
  [
    "batchNorm of a symbolic batch",
    (x) => batchNorm({ weight: constant([1, 2], [2]), bias: constant([0, 1], [2]) }, x, { epsilon: 1e-5 }).y,
    { shapes: [[3, 2, 2, 3]], symbolic: true },
  ],
  [
    "batchNormAffine",
    (weight, bias) => {
      const moments = { mean: constant([1, 2], [2]), variance: constant([0.5, 2], [2]) };
      const { scale, shift } = batchNormAffine({ weight, bias }, moments, { epsilon: 1e-5 });
      return mul(scale, shift);
    },
    { shapes: [[2], [2]] },
  ],
  ["resize, bilinear", (x) => resize(x, [5, 2], { mode: "bilinear" }), { shapes: [[2, 3, 4, 2]] }],
  ["resize, bicubic", (x) => resize(x, [5, 2], { mode: "bicubic" }), { shapes: [[2, 3, 4, 2]] }],
  [
    "resizeImage, corners aligned",
    (x) => resizeImage(x, [5, 6], { mode: "bilinear", alignCorners: true }),
    { shapes: [[2, 2, 3, 4]] },
  ],
  ["resizeImage, nearest", (x) => resizeImage(x, [5, 3], { mode: "nearest" }), { shapes: [[2, 2, 3, 4]] }],
  ["adaptiveAvgPool", (x) => adaptiveAvgPool(x, [2, 3]), { shapes: [[2, 3, 5, 2]] }],
  [
    "adaptiveAvgPoolImage to more cells than there are",
    (x) => adaptiveAvgPoolImage(x, [6, 3]),
    { shapes: [[2, 2, 2, 5]] },
  ],
  ["maxPool", (x) => maxPool(x, { kernel: 2 }), { shapes: [[2, 2, 4, 5]], h: 1e-4 }],
  [
    "maxPool, overlapping and padded",
    (x) => maxPool(x, { kernel: 3, stride: 2, padding: 1 }),
    { shapes: [[2, 2, 5, 5]], symbolic: true, h: 1e-4 },
  ],
  ["maxPool that leaves out cells", (x) => maxPool(x, { kernel: 1, stride: 2 }), { shapes: [[1, 2, 3, 5]] }],
];

const convolutions = [
  { stride: 1, padding: 0, dilation: 1, kernel: [3, 3] },
  { stride: 1, padding: 1, dilation: 1, kernel: [3, 3] },
  { stride: 1, padding: 2, dilation: 2, kernel: [3, 3] },
  { stride: 1, padding: 0, dilation: 1, kernel: [1, 1] },
  { stride: 1, padding: 2, dilation: 1, kernel: [1, 2] },
  { stride: 2, padding: 1, dilation: 1, kernel: [3, 3] },
  { stride: 2, padding: 0, dilation: 1, kernel: [2, 2] },
  { stride: 3, padding: 2, dilation: 2, kernel: [2, 3] },
  { stride: 2, padding: 0, dilation: 1, kernel: [1, 1] },
];
for (const { kernel, ...options } of convolutions) {
  const name = `conv2d ${kernel.join("×")}, stride ${options.stride}, padding ${options.padding}, dilation ${options.dilation}`;
  const shapes = [[2, 3, 7, 6], [4, 3, ...kernel], [4]];
  cases.push([name, (x, w, bias) => conv2d(x, w, { bias, ...options }), { shapes }]);
}
cases.push([
  "conv2d of a symbolic batch",
  (x) => conv2d(x, constant(noise([4, 3, 3, 3], 7).data, [4, 3, 3, 3]), { padding: 1, stride: 2 }),
  { shapes: [[2, 3, 7, 6]], symbolic: true },
]);

test.each(cases)("%s: its gradient agrees with central differences", (_, f, options) => checkGrad(f, options));

test("gradients: a tensor used in several places gets the sum of what comes back from each", () =>
  checkGrad((x) => add(mul(x, exp(x)), mul(sum(x, { axes: [0], keepDims: true }), sigmoid(x))), {
    shapes: [[3, 4]],
  }));

test("gradients: several outputs with a cotangent each give the gradient of their weighted sum", async () => {
  const x = input("x", [3]);
  const [a, b] = [exp(x), mul(x, x)];
  const [ca, cb] = [input("ca", [3]), input("cb", [3])];
  const [both] = gradients(
    [
      { of: a, value: ca },
      { of: b, value: cb },
    ],
    [x],
  );
  const whole = sum(add(mul(a, ca), mul(b, cb)), { axes: [0], keepDims: true });
  const [one] = gradients([{ of: whole, value: constant([1], [1]) }], [x]);
  const feeds = { x: noise([3]), ca: noise([3], 2), cb: noise([3], 3) };
  const results = await evaluate({ both: both!, one: one! }, feeds);
  expect(results.both!.data).toEqual(results.one!.data);
});

test("stopGradient: the value passes, its gradient does not", async () => {
  const x = input("x", [3]);
  const y = mul(x, stopGradient(x));
  const [d] = gradients([{ of: y, value: constant([1, 1, 1], [3]) }], [x]);
  const results = await evaluate({ y, d: d! }, { x: noise([3]) });
  expect(results.d!.data).toEqual(Array.from(noise([3]).data));
  expect(results.y!.data).toEqual(Array.from(noise([3]).data, (v) => Math.fround(v * v)));
});

test("gradients: comparisons and indices let nothing through, and do not stop what passes beside them", async () => {
  const x = input("x", [2, 3]);
  const y = add(mul(x, greater(x, scalar(0))), toFloat(reshape(argMax(x), [2, 1])));
  const [d] = gradients([{ of: y, value: constant([1, 1, 1, 1, 1, 1], [2, 3]) }], [x]);
  const feed = { shape: [2, 3], data: [-1, 2, 3, 4, -5, 0.5] };
  expect((await evaluate({ d: d! }, { x: feed })).d!.data).toEqual([0, 1, 1, 1, 0, 1]);
});

test("gradients: a tensor without influence has zeros, in its own shape", async () => {
  const [x, y] = [input("x", [batchDim(), 3]), input("y", [batchDim(), 2])];
  const found = gradients([{ of: exp(x), value: input("c", [batchDim(), 3]) }], [y]);
  const { d } = await evaluate({ d: found[0]! }, { y: noise([4, 2]) });
  expect(d).toEqual(nd([4, 2], () => 0));
});

test("softplus: its gradient at 0 is one half, and at ±10⁴ it is 1 and 0", async () => {
  const x = input("x", [3]);
  const y = softplus(x);
  const [d] = gradients([{ of: y, value: constant([1, 1, 1], [3]) }], [x]);
  const results = await evaluate({ y, d: d! }, { x: { shape: [3], data: [0, 1e4, -1e4] } });
  expect(results.d!.data).toEqual([0.5, 1, 0]);
  expect(results.y!.data).toEqual([Math.fround(Math.LN2), 1e4, 0]);
});

test("maxPool: of equal values the first one takes the gradient", async () => {
  const x = input("x", [1, 1, 2, 2]);
  const [d] = gradients([{ of: maxPool(x, { kernel: 2 }), value: constant([3], [1, 1, 1, 1]) }], [x]);
  const { d: got } = await evaluate({ d: d! }, { x: { shape: [1, 1, 2, 2], data: [1, 2, 2, 2] } });
  expect(got!.data).toEqual([0, 3, 0, 0]);
});

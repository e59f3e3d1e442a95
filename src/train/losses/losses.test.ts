import { expect, test } from "vitest";
import { at, type NdArray, nd, noise, sumOver } from "../../../test/support/arrays.ts";
import { checkGrad } from "../../../test/support/check-grad.ts";
import { evaluate } from "../../../test/support/evaluate.ts";
import { gradients } from "../../graph/gradients.ts";
import { batchDim } from "../../graph/shape.ts";
import { constant, input, parameter, type Tensor } from "../../graph/tensor.ts";
import { binaryCrossEntropy } from "./binary-cross-entropy.ts";
import { cosineLoss } from "./cosine.ts";
import { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.ts";
import { diceLoss } from "./dice.ts";
import { focalLoss } from "./focal.ts";
import { infoNce } from "./info-nce.ts";
import type { Reduction } from "./reduce.ts";
import { l1Loss, meanSquaredError, smoothL1Loss } from "./regression.ts";

// References in double precision, written from the definitions and not from the code.

const logSumExp = (values: number[]) => {
  const top = Math.max(...values);
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
};
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const row = (x: NdArray, i: number) => {
  const n = x.shape.at(-1)!;
  return Array.from({ length: n }, (_, c) => x.data[i * n + c]!);
};

async function lossOf(build: () => Tensor, feeds: Record<string, NdArray>): Promise<number> {
  const loss = build();
  expect(loss.shape).toEqual([]);
  return (await evaluate({ loss }, feeds)).loss!.data[0]!;
}

const close = (actual: number, expected: number, rtol = 1e-5) =>
  expect(Math.abs(actual - expected), `${actual} against ${expected}`).toBeLessThanOrEqual(
    1e-6 + rtol * Math.abs(expected),
  );

const classes = 5;
const logits = { shape: [2, 3, classes], data: noise([2, 3, classes]).data.map((v) => 4 * v) };
const labels = { shape: [2, 3], data: [0, 4, 255, 2, 2, 255] };
const weights = [0.5, 1, 2, 0.25, 3];
const symbolicLogits = () => input("x", [batchDim(), 3, classes]);
const symbolicLabels = () => input("label", [batchDim(), 3], "int64");

/** PyTorch's definition, with label smoothing, class weights and an ignored label. */
function crossEntropyByHand(
  x: NdArray,
  y: NdArray,
  { classWeights, smoothing = 0, over = "weight", ignore }: CrossEntropyOptions,
) {
  let total = 0;
  let weight = 0;
  for (const [i, label] of Array.from(y.data).entries()) {
    if (label === ignore) continue;
    const values = row(x, i);
    const logProbability = values.map((v) => v - logSumExp(values));
    const w = (c: number) => classWeights?.[c] ?? 1;
    const smooth = values.reduce((sum, _, c) => sum - w(c) * logProbability[c]!, 0);
    total += (1 - smoothing) * -w(label) * logProbability[label]! + (smoothing / classes) * smooth;
    weight += w(label);
  }
  return total / (over === "all" ? y.data.length : over === "nothing" ? 1 : weight);
}

const crossEntropyCases: CrossEntropyOptions[] = [
  {},
  { over: "all" },
  { over: "nothing" },
  { classWeights: weights },
  { classWeights: weights, over: "all" },
  { smoothing: 0.1 },
  { smoothing: 0.1, classWeights: weights },
];
test.each(crossEntropyCases)("crossEntropy %o: is PyTorch's, with an ignored label", async (options) => {
  for (const ignore of [255, 2]) {
    const used = { shape: labels.shape, data: labels.data.map((label) => (label === 255 ? ignore : label)) };
    const expected = crossEntropyByHand(logits, used, { ...options, ignore });
    const build = () => crossEntropy(symbolicLogits(), symbolicLabels(), { ...options, ignore });
    close(await lossOf(build, { x: logits, label: used }), expected);
  }
});

test.each(crossEntropyCases)("crossEntropy %o: its gradient agrees with central differences", async (options) => {
  const f = (x: Tensor) => crossEntropy(x, input("label", [2, 3], "int64"), { ...options, ignore: 255 });
  await checkGrad(f, { shapes: [[2, 3, classes]], feeds: { label: labels } });
});

test("crossEntropy: with a distribution for a label is that of mixed labels", async () => {
  const target = nd([2, 3, classes], ([i, j, c]) => (c === i! + j! ? 0.75 : c === 4 - i! ? 0.25 : 0));
  const expected = mean(
    Array.from({ length: 6 }, (_, i) => {
      const values = row(logits, i);
      return (
        logSumExp(values) * sumOver(classes, (c) => row(target, i)[c]!) -
        sumOver(classes, (c) => row(target, i)[c]! * values[c]!)
      );
    }),
  );
  const build = () => crossEntropy(symbolicLogits(), input("t", [batchDim(), 3, classes]));
  close(await lossOf(build, { x: logits, t: target }), expected);
  await checkGrad((x) => crossEntropy(x, input("t", [2, 3, classes])), {
    shapes: [[2, 3, classes]],
    feeds: { t: target },
  });
});

test("crossEntropy: logits of ±10⁴ give the exact loss and gradient", async () => {
  const x = input("x", [2, 2]);
  const loss = crossEntropy(x, input("label", [2], "int64"));
  const [d] = gradients([{ of: loss, value: constant([1], []) }], [x]);
  const feeds = { x: { shape: [2, 2], data: [1e4, -1e4, 1e4, -1e4] }, label: { shape: [2], data: [0, 1] } };
  const results = await evaluate({ loss, d: d! }, feeds);
  expect(results.loss!.data).toEqual([1e4]);
  expect(results.d!.data).toEqual([0, 0, 0.5, -0.5]);
});

test("crossEntropy: where every label is ignored, loss and gradient are 0", async () => {
  const x = input("x", [1, 2]);
  const loss = crossEntropy(x, input("label", [1], "int64"), { ignore: 255 });
  const [d] = gradients([{ of: loss, value: constant([1], []) }], [x]);
  const results = await evaluate({ loss, d: d! }, { x: noise([1, 2]), label: { shape: [1], data: [255] } });
  expect([results.loss!.data[0], ...Array.from(results.d!.data)].map((v) => Math.abs(v!))).toEqual([0, 0, 0]);
});

const scores = { shape: [3, 4], data: noise([3, 4]).data.map((v) => 5 * v) };
const truth = nd([3, 4], ([i, j]) => ((i! + j!) % 3 === 0 ? 1 : 0));
const weight = nd([3, 1], ([i]) => [1, 0, 2][i!]!);

/** Elementwise losses: function and definition. */
const elementwise: [string, (x: Tensor, t: Tensor, r: Reduction) => Tensor, (x: number, t: number) => number][] = [
  [
    "binaryCrossEntropy",
    binaryCrossEntropy,
    (x, t) => -t * Math.log(sigmoid(x)) - (1 - t) * Math.log(1 - sigmoid(x)),
  ],
  [
    "focalLoss",
    focalLoss,
    (x, t) =>
      t === 1
        ? -0.25 * (1 - sigmoid(x)) ** 2 * Math.log(sigmoid(x))
        : -0.75 * sigmoid(x) ** 2 * Math.log(1 - sigmoid(x)),
  ],
  [
    "focalLoss, other constants",
    (x, t, r) => focalLoss(x, t, { ...r, alpha: 0.5, gamma: 1.5 }),
    (x, t) => {
      const p = t === 1 ? sigmoid(x) : 1 - sigmoid(x);
      return -0.5 * (1 - p) ** 1.5 * Math.log(p);
    },
  ],
  ["meanSquaredError", meanSquaredError, (x, t) => (x - t) ** 2],
  ["l1Loss", l1Loss, (x, t) => Math.abs(x - t)],
  ["smoothL1Loss", smoothL1Loss, (x, t) => (Math.abs(x - t) < 1 ? (x - t) ** 2 / 2 : Math.abs(x - t) - 0.5)],
  [
    "smoothL1Loss, another β",
    (x, t, r) => smoothL1Loss(x, t, { ...r, beta: 1 / 9 }),
    (x, t) => (Math.abs(x - t) < 1 / 9 ? 4.5 * (x - t) ** 2 : Math.abs(x - t) - 1 / 18),
  ],
];

test.each(elementwise)("%s: is its definition, under every reduction", async (_, loss, definition) => {
  const each = nd([3, 4], (index) => definition(at(scores, index), at(truth, index)));
  const weighted = nd([3, 4], (index) => at(each, index) * at(weight, index));
  const total = weighted.data.reduce((a, b) => a + b);
  const build = (r: (w: Tensor) => Reduction) => () =>
    loss(input("x", [batchDim(), 4]), input("t", [batchDim(), 4]), r(input("w", [batchDim(), 1])));
  const feeds = { x: scores, t: truth, w: weight };
  close(
    await lossOf(
      build(() => ({})),
      { x: scores, t: truth },
    ),
    mean(each.data),
  );
  close(
    await lossOf(
      build((w) => ({ weight: w })),
      feeds,
    ),
    total / 12,
  );
  close(
    await lossOf(
      build((w) => ({ weight: w, over: "weight" })),
      feeds,
    ),
    total / 12,
  );
  close(
    await lossOf(
      build((w) => ({ weight: w, over: "nothing" })),
      feeds,
    ),
    total,
  );
  close(
    await lossOf(
      build((w) => ({ weight: w, over: constant([7], []) })),
      feeds,
    ),
    total / 7,
  );
});

test.each(elementwise)("%s: its gradient agrees with central differences", async (_, loss) => {
  const f = (x: Tensor) => loss(x, input("t", [3, 4]), { weight: input("w", [3, 1]), over: "weight" });
  await checkGrad(f, { shapes: [[3, 4]], feeds: { t: truth, w: weight }, domain: (v) => 3 * v + 0.05 });
});

test.each([binaryCrossEntropy, focalLoss])(
  "%o: logits of 0 and ±10⁴ give finite losses and the exact gradient",
  async (f) => {
    const x = input("x", [6]);
    const loss = f(x, input("t", [6]), { over: "nothing", weight: constant([1, 1, 1, 1, 1, 1], [6]) });
    const [d] = gradients([{ of: loss, value: constant([1], []) }], [x]);
    const feeds = {
      x: { shape: [6], data: [0, 0, 1e4, 1e4, -1e4, -1e4] },
      t: { shape: [6], data: [0, 1, 0, 1, 0, 1] },
    };
    const { d: got, loss: value } = await evaluate({ d: d!, loss }, feeds);
    expect(Number.isFinite(value!.data[0])).toBe(true);
    if (f === binaryCrossEntropy) expect(got!.data).toEqual([0.5, -0.5, 1, 0, 0, -1]);
    else
      expect(
        Array.from(got!.data)
          .slice(2)
          .map((v) => v + 0),
      ).toEqual([0.75, 0, 0, -0.25]);
  },
);

test("diceLoss: is its definition, a sample and a class at a time, without ignored elements", async () => {
  const probability = (b: number, i: number, c: number) => {
    const values = row(logits, 3 * b + i);
    return Math.exp(values[c]! - logSumExp(values));
  };
  const terms = [0, 1].flatMap((b) =>
    Array.from({ length: classes }, (_, c) => {
      const used = [0, 1, 2].filter((i) => labels.data[3 * b + i] !== 255);
      const t = (i: number) => (labels.data[3 * b + i] === c ? 1 : 0);
      const overlap = used.reduce((sum, i) => sum + probability(b, i, c) * t(i), 0);
      const size = used.reduce((sum, i) => sum + probability(b, i, c) ** 2 + t(i) ** 2, 0);
      return 1 - (2 * overlap + 1) / (size + 1);
    }),
  );
  const build = () => diceLoss(symbolicLogits(), symbolicLabels(), { ignore: 255 });
  close(await lossOf(build, { x: logits, label: labels }), mean(terms));
  const f = (x: Tensor) => diceLoss(x, input("label", [2, 3], "int64"), { ignore: 255 });
  await checkGrad(f, { shapes: [[2, 3, classes]], feeds: { label: labels } });
});

test("diceLoss: a sure and right prediction has no loss, with logits of ±10⁴", async () => {
  const x = nd([2, 3, classes], ([b, i, c]) => (labels.data[3 * b! + i!] === c ? 1e4 : -1e4));
  const build = () => diceLoss(symbolicLogits(), symbolicLabels(), { ignore: 255 });
  close(await lossOf(build, { x, label: labels }), 0);
});

const cosine = (a: number[], b: number[]) =>
  a.reduce((sum, v, i) => sum + v * b[i]!, 0) / Math.max(Math.hypot(...a), 1e-12) / Math.max(Math.hypot(...b), 1e-12);

test("cosineLoss: is 1 − cos, and a vector of zeros gives 1 and no gradient that is not a number", async () => {
  const [a, b] = [noise([3, 4], 1), noise([3, 4], 2)];
  const build = () => cosineLoss(input("a", [batchDim(), 4]), input("b", [batchDim(), 4]));
  close(await lossOf(build, { a, b }), mean([0, 1, 2].map((i) => 1 - cosine(row(a, i), row(b, i)))));
  await checkGrad((x, y) => cosineLoss(x, y), {
    shapes: [
      [3, 4],
      [3, 4],
    ],
  });

  const x = input("a", [1, 2]);
  const loss = cosineLoss(x, constant([1, 1], [1, 2]));
  const [d] = gradients([{ of: loss, value: constant([1], []) }], [x]);
  const results = await evaluate({ loss, d: d! }, { a: { shape: [1, 2], data: [0, 0] } });
  expect(results.loss!.data).toEqual([1]);
  expect(Array.from(results.d!.data).every(Number.isFinite)).toBe(true);
});

test("infoNce: is the cross-entropy of rows and columns, for temperatures from 0.01 to 1", async () => {
  const [a, b] = [noise([4, 6], 1), noise([4, 6], 2)];
  for (const temperature of [0.01, 0.07, 1]) {
    const logit = (i: number, j: number) => cosine(row(a, i), row(b, j)) / temperature;
    const all = [0, 1, 2, 3];
    const expected = mean(
      all.map(
        (i) => (logSumExp(all.map((j) => logit(i, j))) + logSumExp(all.map((j) => logit(j, i)))) / 2 - logit(i, i),
      ),
    );
    const build = () => infoNce(input("a", [batchDim(), 6]), input("b", [batchDim(), 6]), { temperature });
    close(await lossOf(build, { a, b }), expected);
  }
});

test("infoNce: its gradient agrees with central differences, also by a learned temperature", async () => {
  await checkGrad((a, b) => infoNce(a, b, { temperature: 0.5 }), {
    shapes: [
      [4, 6],
      [4, 6],
    ],
    symbolic: true,
  });
  await checkGrad((a, b, temperature) => infoNce(a, b, { temperature }), {
    shapes: [[4, 6], [4, 6], []],
    domain: (v, i) => (i === 2 ? 0.6 + v / 10 : v),
  });
  expect(infoNce(input("a", [4, 6]), input("b", [4, 6]), { temperature: parameter("t", []) }).shape).toEqual([]);
});

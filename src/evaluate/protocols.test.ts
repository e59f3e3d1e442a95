import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { classScores, confusionMatrix } from "./confusion.ts";
import { fitLogistic, logits } from "./logistic.ts";
import { majority, nearest } from "./nearest.ts";
import { assess, predict } from "./protocols.ts";
import { standardiseBy } from "./standardise.ts";

const expected = JSON.parse(readFileSync("fixtures/sklearn-probe/expected.json", "utf8"));
const vectors = (rows: number[][]) => ({ data: Float64Array.from(rows.flat()), dimensions: rows[0]!.length });
const train = vectors(expected.train.x);
const queries = vectors(expected.test.x);
const { dimensions } = train;
const standardise = standardiseBy(train);
const x = { data: standardise(train), dimensions };
const z = { data: standardise(queries), dimensions };
const worst = (a: ArrayLike<number>, b: readonly number[]) =>
  b.reduce((most, value, i) => Math.max(most, Math.abs(value - a[i]!)), 0);

/** [items, classes] of zeros and ones. */
function oneHot(y: readonly number[], classes: number) {
  const values = new Float64Array(y.length * classes);
  for (const [i, k] of y.entries()) values[i * classes + k] = 1;
  return values;
}

test("standardiseBy: as scikit-learn, a constant dimension included", () => {
  expect(worst(z.data, expected.standardised.flat())).toBeLessThan(1e-9);
});

test("nearest and majority: the neighbours of scikit-learn, and its majority where classes do not tie", () => {
  const { positions, count } = nearest(x, z, 5);
  expect([...positions]).toEqual(expected.knn.neighbours.flat());
  const labels = expected.test.x.map((_: unknown, i: number) =>
    majority(Array.from(positions.subarray(i * count, (i + 1) * count), (at) => expected.train.y[at])),
  );
  expect(labels).toEqual(expected.knn.majority);
});

test("majority: a tie goes to the class of the nearest neighbour", () => {
  expect(majority([3, 1, 1, 3, 0])).toBe(3);
  expect(majority([0, 1, 1, 3, 3])).toBe(1);
});

test("nearest: equally near items come in the order of the bank, and a small bank gives fewer", () => {
  const bank = { data: Float64Array.from([2, 0, 1, 1, 1]), dimensions: 1 };
  expect([...nearest(bank, { data: Float64Array.of(1), dimensions: 1 }, 4).positions]).toEqual([2, 3, 4, 0]);
  expect(nearest(bank, { data: Float64Array.of(1), dimensions: 1 }, 9).count).toBe(5);
});

test("fitLogistic: weights, offsets and probabilities of scikit-learn, from strong to weak regularisation", () => {
  const targets = { classes: 4, values: oneHot(expected.train.y, 4), multiLabel: false };
  for (const { C, weights, offsets, probabilities } of expected.logistic) {
    const fit = fitLogistic(x, targets, { C, tolerance: 1e-11 });
    expect(worst(fit.parameters, weights.flat())).toBeLessThan(1e-5);
    // Offsets are free up to a constant that softmax does not see.
    const own = fit.parameters.subarray(4 * dimensions);
    const centred = (v: ArrayLike<number>) => Array.from(v, (b) => b - Array.from(v).reduce((a, c) => a + c, 0) / 4);
    expect(worst(centred(own), centred(offsets))).toBeLessThan(1e-5);
    const scores = logits(fit, z);
    for (const [i, row] of (probabilities as number[][]).entries()) {
      const e = Array.from(scores.subarray(4 * i, 4 * i + 4), Math.exp);
      const sum = e.reduce((a, b) => a + b, 0);
      expect(
        worst(
          e.map((v) => v / sum),
          row,
        ),
      ).toBeLessThan(1e-6);
    }
  }
});

test("fitLogistic: the default tolerance gives probabilities to a thousandth", () => {
  const targets = { classes: 4, values: oneHot(expected.train.y, 4), multiLabel: false };
  for (const { C, weights } of expected.logistic) {
    const fit = fitLogistic(x, targets, { C });
    expect(fit.converged).toBe(true);
    expect(worst(fit.parameters, weights.flat()) / Math.max(1, ...weights.flat())).toBeLessThan(0.03);
  }
});

test("fitLogistic: for labels, what scikit-learn says one against the rest", () => {
  const values = Float64Array.from(expected.train.labels.flat() as number[]);
  for (const { C, labels } of expected.logistic) {
    const fit = fitLogistic(x, { classes: 3, values, multiLabel: true }, { C, tolerance: 1e-11 });
    expect(worst(logits(fit, z), labels.flat())).toBeLessThan(1e-4);
  }
});

test("classScores: macro F1 and kappa of scikit-learn", () => {
  const scores = classScores(confusionMatrix(expected.test.y, expected.knn.sklearn, { classes: 4 }));
  expect(scores.macroF1).toBeCloseTo(expected.metrics.macroF1, 12);
  expect(scores.kappa).toBeCloseTo(expected.metrics.kappa, 12);
});

test("predict: k-NN and linear probe find classes that are there, and report with intervals", () => {
  const labelled = {
    vectors: train,
    labels: expected.train.y.map((k: number) => [k]),
  };
  const truth = expected.test.y.map((k: number) => [k]);
  for (const protocol of ["knn", "linear"] as const) {
    const said = predict(protocol, labelled, { vectors: queries, labels: truth }, { ...four, seed: 0 });
    const measures = assess(said, truth, { ...four, seed: 0 });
    expect(measures.map(({ metric }) => metric)).toEqual(["OA", "AA", "mF1", "kappa"]);
    const [{ value, low, high }] = measures as [(typeof measures)[0]];
    expect(value).toBeGreaterThan(0.7);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
    expect(high - low).toBeLessThan(0.35);
  }
});

const four = { classes: 4, multiLabel: false };

test("predict: labels are ranked well above chance", () => {
  const of = (rows: number[][]) => rows.map((row) => row.flatMap((has, k) => (has ? [k] : [])));
  const labelled = { vectors: train, labels: of(expected.train.labels) };
  const truth = of(expected.test.labels);
  const task = { classes: 3, multiLabel: true, seed: 0 };
  for (const protocol of ["knn", "linear"] as const) {
    const said = predict(protocol, labelled, { vectors: queries, labels: truth }, task);
    const [micro, macro] = assess(said, truth, task);
    expect(micro!.value).toBeGreaterThan(0.6);
    expect(macro!.metric).toBe("mAP macro");
  }
});

test("predict: features that say nothing give chance", () => {
  const random = createRandom(5);
  const noise = (n: number) => ({ data: Float64Array.from({ length: n * 6 }, () => random.normal()), dimensions: 6 });
  const labels = (n: number) => Array.from({ length: n }, () => [random.integer(4)]);
  const truth = labels(400);
  for (const protocol of ["knn", "linear"] as const) {
    const said = predict(
      protocol,
      { vectors: noise(120), labels: labels(120) },
      { vectors: noise(400), labels: truth },
      { ...four, seed: 1 },
    );
    const [OA] = assess(said, truth, { ...four, seed: 1, draws: 200 });
    expect(Math.abs(OA!.value - 0.25)).toBeLessThan(0.08);
  }
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { classScores, confusionMatrix } from "./confusion.ts";
import { logisticFits, logits } from "./logistic.ts";
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

test("logisticFits: weights, offsets and probabilities of scikit-learn, from strong to weak regularisation", () => {
  const fitAt = logisticFits(x, { classes: 4, values: oneHot(expected.train.y, 4), multiLabel: false });
  for (const { C, weights, offsets, probabilities } of expected.logistic) {
    const found = fitAt({ C, tolerance: 1e-11 });
    expect(worst(found.parameters, weights.flat())).toBeLessThan(1e-5);
    // Offsets are free up to a constant that softmax does not see.
    const own = found.parameters.subarray(4 * dimensions);
    const centred = (v: ArrayLike<number>) => Array.from(v, (b) => b - Array.from(v).reduce((a, c) => a + c, 0) / 4);
    expect(worst(centred(own), centred(offsets))).toBeLessThan(1e-5);
    const scores = logits(found, z);
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

test("logisticFits: the default tolerance gives probabilities to a thousandth", () => {
  const fitAt = logisticFits(x, { classes: 4, values: oneHot(expected.train.y, 4), multiLabel: false });
  for (const { C, weights } of expected.logistic) {
    const { converged, parameters } = fitAt({ C });
    expect(converged).toBe(true);
    expect(worst(parameters, weights.flat()) / Math.max(1, ...weights.flat())).toBeLessThan(0.03);
  }
});

test("logisticFits: for labels, what scikit-learn says one against the rest", () => {
  const values = Float64Array.from(expected.train.labels.flat() as number[]);
  const fitAt = logisticFits(x, { classes: 3, values, multiLabel: true });
  for (const { C, labels } of expected.logistic) {
    expect(worst(logits(fitAt({ C, tolerance: 1e-11 }), z), labels.flat())).toBeLessThan(1e-4);
  }
});

test("classScores: macro F1 and kappa of scikit-learn", () => {
  const scores = classScores(confusionMatrix(expected.test.y, expected.knn.sklearn, { classes: 4 }));
  expect(scores.macroF1).toBeCloseTo(expected.metrics.macroF1, 12);
  expect(scores.kappa).toBeCloseTo(expected.metrics.kappa, 12);
});

test("logisticFits: more dimensions than items change nothing but the time", () => {
  const random = createRandom(9);
  const [items, wide] = [12, 30];
  const data = Float64Array.from({ length: items * wide }, () => random.normal());
  // Two copies of the items lie in the same span, but are more than it has dimensions: the fit goes the direct way.
  const copies = Math.ceil(wide / items) + 1;
  const targets = (n: number) => ({
    classes: 3,
    values: oneHot(
      [...Array(n)].map((_, i) => (i % items) % 3),
      3,
    ),
    multiLabel: false,
  });
  const repeated = Float64Array.from({ length: copies * data.length }, (_, i) => data[i % data.length]!);
  const narrow = logisticFits({ data, dimensions: wide }, targets(items))({ C: 1, tolerance: 1e-11 });
  const direct = logisticFits(
    { data: repeated, dimensions: wide },
    targets(copies * items),
  )({ C: 1 / copies, tolerance: 1e-11 });
  expect(worst(narrow.parameters, [...direct.parameters])).toBeLessThan(1e-8);
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

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { averagePrecision, highestScores, labelF1, meanAveragePrecision, topK } from "./ranking.ts";

const positive = [1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1];
const values = [0.9, 0.4, 0.3, 0.2, 0.8, 0.7, 0.6, 0.5, 0.1, 0.65, 0.1, 0.35];

test("meanAveragePrecision: a small set worked out by hand", () => {
  const { micro, macro, perClass, averaged } = meanAveragePrecision({ classes: 3, values }, positive);
  expect([...perClass].map((v) => v.toFixed(6))).toEqual(["0.833333", "1.000000", "1.000000"]);
  expect([macro.toFixed(6), micro.toFixed(6), averaged]).toEqual(["0.944444", "0.848611", 3]);
});

test("meanAveragePrecision: as scikit-learn, with equal scores", () => {
  const { metrics, test: set } = JSON.parse(readFileSync("fixtures/sklearn-probe/expected.json", "utf8"));
  const result = meanAveragePrecision({ classes: 3, values: metrics.scores.flat() }, set.labels.flat());
  expect(result.micro).toBeCloseTo(metrics.micro, 12);
  for (const [k, ap] of result.perClass.entries()) expect(ap).toBeCloseTo(metrics.perClass[k], 12);
});

test("meanAveragePrecision: a class without positives is left out of macro, and counted so", () => {
  const { macro, averaged } = meanAveragePrecision({ classes: 2, values: [0.9, 0.1, 0.2, 0.3] }, [1, 0, 0, 0]);
  expect([macro, averaged]).toEqual([1, 1]);
  expect(averagePrecision([1, 2], [0, 0])).toBeNaN();
});

test("averagePrecision: an order is all that counts, and equal scores give the share of positives", () => {
  expect(averagePrecision([5, 5, 5, 5], [1, 0, 0, 0])).toBe(0.25);
  const item = fc.tuple(fc.integer({ min: -9, max: 9 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 30 }), (items) => {
      const truth = items.map(([, p]) => p);
      const scores = items.map(([s]) => s);
      const moved = scores.map((s) => Math.exp(s / 3) - 7);
      expect(averagePrecision(moved, truth)).toEqual(averagePrecision(scores, truth));
    }),
  );
});

test("labelF1: a small set worked out by hand, at a threshold of a half", () => {
  const { micro, macro, samples, perClass } = labelF1({ classes: 3, values }, positive, { threshold: 0.5 });
  expect([...perClass]).toEqual([0.8, 1, 0.5]);
  expect([macro, micro, samples].map((v) => v.toFixed(6))).toEqual(["0.766667", "0.727273", "0.666667"]);
});

test("labelF1: nothing said of nothing is right, and a class that never occurs is left out", () => {
  const { samples, averaged } = labelF1({ classes: 2, values: [0, 0, 1, 0] }, [0, 0, 1, 0], { threshold: 0.5 });
  expect([samples, averaged]).toEqual([1, 1]);
});

test("topK: a model that says the same of everything is right by chance", () => {
  const classes = 62;
  const truth = Array.from({ length: classes }, (_, k) => k);
  const constant = { classes, values: new Float64Array(classes * classes) };
  expect(topK(constant, truth, 1)).toBeCloseTo(1 / 62, 12);
  expect(topK(constant, truth, 5)).toBeCloseTo(5 / 62, 12);
  expect(topK(constant, truth, 100)).toBe(1);
});

test("highestScores and topK: NaN is an error, not a wrong answer", () => {
  const broken = { classes: 2, values: [0, Number.NaN] };
  expect(() => highestScores(broken)).toThrow("internal: a score is NaN");
  expect(() => topK(broken, [0], 1)).toThrow("internal: a score is NaN");
  expect(() => averagePrecision([Number.NaN], [1])).toThrow("internal: a score is NaN");
  expect([...highestScores({ classes: 3, values: [0, 2, 2, 5, 1, 1] })]).toEqual([1, 0]);
});

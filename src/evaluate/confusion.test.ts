import fc from "fast-check";
import { expect, test } from "vitest";
import { classScores, confusionMatrix } from "./confusion.ts";

const close = (actual: ArrayLike<number>, expected: readonly number[]) => {
  expect(Array.from(actual).map((v) => Number(v.toFixed(6)))).toEqual(expected);
};

test("classScores: accuracies, precision, F1 and kappa of a matrix worked out by hand, with an absent class", () => {
  const counts = Float64Array.from([50, 3, 2, 0, 4, 40, 6, 0, 1, 5, 39, 0, 0, 0, 0, 0]);
  const scores = classScores({ classes: 4, counts });
  close([scores.overallAccuracy, scores.averageAccuracy], [0.86, 0.858586]);
  close([scores.macroF1, scores.kappa], [0.857748, 0.789439]);
  close(scores.precision, [0.909091, 0.833333, 0.829787, Number.NaN]);
  close(scores.accuracy, [0.909091, 0.8, 0.866667, Number.NaN]);
  close(scores.f1, [0.909091, 0.816327, 0.847826, Number.NaN]);
  expect(scores.averaged).toEqual({ accuracy: 3, f1: 3 });
});

test("confusionMatrix: an item is dropped for its truth, never for its prediction", () => {
  const { counts } = confusionMatrix([0, 0, 1, 255], [0, 1, 2, 2], { classes: 3, ignore: 255 });
  expect([...counts]).toEqual([1, 1, 0, 0, 0, 1, 0, 0, 0]);
  expect(() => confusionMatrix([0], [3], { classes: 3 })).toThrow("internal: class 0 or 3 of 3");
  expect(() => confusionMatrix([0], [], { classes: 3 })).toThrow("internal: 1 truths for 0 predictions");
});

test("classScores: a class only predicted counts in F1 with 0, and not in the average accuracy", () => {
  const scores = classScores(confusionMatrix([0, 0, 1], [0, 2, 1], { classes: 3 }));
  close(scores.f1, [0.666667, 1, 0]);
  expect(scores.averaged).toEqual({ accuracy: 2, f1: 3 });
  expect(scores.averageAccuracy).toBe(0.75);
});

test("classScores: one class everywhere gives kappa 1 when it is right, and nothing at all gives NaN", () => {
  expect(classScores(confusionMatrix([1, 1], [1, 1], { classes: 2 })).kappa).toBe(1);
  expect(classScores(confusionMatrix([], [], { classes: 2 })).overallAccuracy).toBeNaN();
});

test("classScores: overall accuracy is the mean of class accuracies weighted by their items", () => {
  const pair = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 }));
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 60 }), (pairs) => {
      const truth = pairs.map(([g]) => g);
      const scores = classScores(
        confusionMatrix(
          truth,
          pairs.map(([, p]) => p),
          { classes: 5 },
        ),
      );
      const weighted = scores.accuracy.reduce(
        (sum, a, k) => sum + (Number.isNaN(a) ? 0 : a * truth.filter((g) => g === k).length),
        0,
      );
      expect(weighted / truth.length).toBeCloseTo(scores.overallAccuracy, 12);
      expect(scores.kappa).toBeLessThanOrEqual(1);
    }),
  );
});

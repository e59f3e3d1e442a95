import { expect, test } from "vitest";
import { changeScores } from "./change-scores.ts";
import { addConfusions } from "./segmentation-scores.ts";

const of = (unchanged: number, falseAlarms: number, missed: number, found: number) => ({
  classes: 2,
  counts: Float64Array.of(unchanged, falseAlarms, missed, found),
});

test("changeScores: those of the change class, on the pixels of all tiles together", () => {
  const scores = changeScores(of(8800, 150, 250, 800));
  expect(scores.precision).toBeCloseTo(0.842105, 6);
  expect(scores.recall).toBeCloseTo(0.761905, 6);
  expect(scores.f1).toBeCloseTo(0.8, 12);
  expect(scores.iou).toBeCloseTo(scores.f1 / (2 - scores.f1), 12);
  expect(scores.overallAccuracy).toBeCloseTo(0.96, 12);
  const chance = (8950 * 9050 + 1050 * 950) / 1e8;
  expect(scores.kappa).toBeCloseTo((0.96 - chance) / (1 - chance), 12);
  // Tiles whose F1 are 1, none and 0.5 are not 0.75 together.
  const tiles = [of(0, 0, 0, 10), of(100, 0, 0, 0), of(0, 30, 30, 30)];
  expect(tiles.map((tile) => changeScores(tile).f1)).toEqual([1, Number.NaN, 0.5]);
  expect(changeScores(addConfusions(tiles, [0, 1, 2])).f1).toBeCloseTo(80 / 140, 12);
});

test("changeScores: without any change, true or said, there is no score", () => {
  const { f1, iou, precision, recall, overallAccuracy } = changeScores(of(10, 0, 0, 0));
  expect([f1, iou, precision, recall, overallAccuracy]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN, 1]);
});

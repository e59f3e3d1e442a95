import { expect, test } from "vitest";
import { confusionMatrix } from "./confusion.ts";
import { addConfusions, segmentationScores } from "./segmentation-scores.ts";

const near = (values: Iterable<number>, expected: readonly number[]) => {
  const list = [...values];
  expect(list.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    if (Number.isNaN(value)) expect(list[i]).toBeNaN();
    else expect(list[i]).toBeCloseTo(value, 6);
  }
};

test("segmentationScores: a class that is in neither truth nor prediction is left out, or counts 0", () => {
  const counts = Float64Array.from([50, 3, 2, 0, 4, 40, 6, 0, 1, 5, 39, 0, 0, 0, 0, 0]);
  const scores = segmentationScores({ classes: 4, counts });
  expect(scores.overallAccuracy).toBeCloseTo(0.86, 6);
  near(scores.iou, [0.833333, 0.689655, 0.735849, Number.NaN]);
  near([scores.meanIou, scores.macroF1, scores.averageAccuracy], [0.752946, 0.857748, 0.858586]);
  expect(scores.averagedIou).toBe(3);
  expect(segmentationScores({ classes: 4, counts }, { absent: "zero" }).meanIou).toBeCloseTo(0.564709, 6);
});

test("segmentationScores: a class that is only predicted counts 0 as in mmseg, or is left out as in detectron2", () => {
  const confusion = confusionMatrix([0, 0, 1, 255], [0, 1, 2, 2], { classes: 3, ignore: 255 });
  const mmseg = segmentationScores(confusion);
  near(mmseg.iou, [0.5, 0, 0]);
  expect(mmseg.meanIou).toBeCloseTo(0.166667, 6);
  expect(segmentationScores(confusion, { predictedOnly: "skip" }).meanIou).toBeCloseTo(0.25, 6);
});

test("addConfusions: pixels of all images are counted before ratios are taken", () => {
  const parts = [
    { classes: 2, counts: Float64Array.from([5, 1, 0, 2]) },
    { classes: 2, counts: Float64Array.from([1, 0, 3, 0]) },
  ];
  expect([...addConfusions(parts, [0, 1, 1]).counts]).toEqual([7, 1, 6, 2]);
});

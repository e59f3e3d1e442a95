import { expect, test } from "vitest";
import { judged, measuresOf, perClass, worstMistakes } from "./scores.ts";

const prediction = (id: string, ...probabilities: number[]) => ({
  id,
  probabilities: Float32Array.from(probabilities),
});

// scikit-learn: average_precision_score(Y, S, average=None | "macro" | "micro"), f1_score(Y, S > 0.5, average=None)
test("scores of several classes an image: average precision and F1 as scikit-learn has them", () => {
  const task = { classes: ["a", "b", "c"], multiLabel: true };
  const predictions = [
    prediction("1", 0.9, 0.4, 0.3),
    prediction("2", 0.2, 0.8, 0.7),
    prediction("3", 0.6, 0.5, 0.1),
    prediction("4", 0.66, 0.1, 0.35),
  ];
  const samples = [
    { id: "4", labels: [2] },
    { id: "3", labels: [0] },
    { id: "2", labels: [1, 2] },
    { id: "1", labels: [0, 2] },
  ];
  const found = judged(predictions, samples);
  const measures = measuresOf(found, task, { seed: 0 });
  expect(measures.map(({ metric, value }) => [metric, value.toFixed(6)])).toEqual([
    ["mAP micro", "0.848611"],
    ["mAP macro", "0.944444"],
  ]);
  for (const { low, value, high } of measures) expect(low <= value && value <= high).toBe(true);
  const { rows, confusion } = perClass(found, task);
  expect(confusion).toBeUndefined();
  const shown = rows.map(({ items, values }) => [items, ...Object.values(values).map((v) => v.toFixed(4))]);
  expect(shown).toEqual([
    [2, "0.8333", "0.8000"],
    [1, "1.0000", "1.0000"],
    [3, "1.0000", "0.5000"],
  ]);
  expect(Object.keys(rows[0]!.values)).toEqual(["Average precision", "F1 at 0.5"]);
  expect(worstMistakes(predictions, found, { ...task, most: 2 })).toEqual([
    { id: "1", text: "c, given 30\u00a0%" },
    { id: "4", text: "no a, given 66\u00a0%" },
  ]);
});

test("scores of one class an image: accuracy, precision, F1, confusion, and the most certain mistakes first", () => {
  const task = { classes: ["Forest", "Water"], multiLabel: false };
  const predictions = [
    prediction("right", 0.9, 0.1),
    prediction("wrong", 0.4, 0.6),
    prediction("very wrong", 0.05, 0.95),
    prediction("water", 0.2, 0.8),
  ];
  const samples = [
    ...["right", "wrong", "very wrong"].map((id) => ({ id, labels: [0] })),
    { id: "water", labels: [1] },
  ];
  const found = judged(predictions, samples);
  const [oa, aa] = measuresOf(found, task, { seed: 0 });
  expect([oa!.metric, oa!.value, aa!.metric, aa!.value]).toEqual(["OA", 0.5, "AA", (1 / 3 + 1) / 2]);
  const { rows, confusion } = perClass(found, task);
  expect([...confusion!]).toEqual([1, 2, 0, 1]);
  expect(rows[0]).toEqual({ name: "Forest", items: 3, values: { Accuracy: 1 / 3, Precision: 1, F1: 0.5 } });
  expect(worstMistakes(predictions, found, { ...task, most: 9 })).toEqual([
    { id: "very wrong", text: "Forest, called Water (95\u00a0%)" },
    { id: "wrong", text: "Forest, called Water (60\u00a0%)" },
  ]);
});

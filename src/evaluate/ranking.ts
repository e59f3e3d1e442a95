import { bug } from "../core/error.ts";
import { meanOfNumbers } from "./confusion.ts";

/** Scores of items: [items, classes], row-major, the higher the likelier. Only their order matters. */
export interface Scores {
  classes: number;
  values: ArrayLike<number>;
}

/** The class with the highest score of each item; of equal ones the first. @throws Error on NaN */
export function highestScores({ classes, values }: Scores): Int32Array {
  return Int32Array.from({ length: values.length / classes }, (_, i) => {
    let best = 0;
    for (let k = 0; k < classes; k++) {
      const score = numberAt(values, i * classes + k);
      if (score > values[i * classes + best]!) best = k;
    }
    return best;
  });
}

/**
 * Share of items whose true class is among the k highest scores. Equal scores count in the order of the classes, so
 * that a model that says the same of everything is right by chance only.
 */
export function topK({ classes, values }: Scores, truth: ArrayLike<number>, k: number): number {
  let hits = 0;
  for (let i = 0; i < truth.length; i++) {
    const g = truth[i]!;
    const own = values[i * classes + g]!;
    let before = 0;
    for (let c = 0; c < classes; c++) {
      const score = numberAt(values, i * classes + c);
      if (score > own || (score === own && c < g)) before++;
    }
    if (before < k) hits++;
  }
  return hits / truth.length;
}

/**
 * Average precision Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from the highest down, not interpolated; NaN without
 * positives. The measure of multi-label scenes, not of boxes.
 * @see scikit-learn, average_precision_score
 */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<number | boolean>): number {
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i);
  for (let i = 0; i < scores.length; i++) numberAt(scores, i);
  order.sort((a, b) => scores[b]! - scores[a]!);
  let found = 0;
  let sum = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    let inGroup = 0;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) {
      if (positive[order[end]!]) inGroup++;
      end++;
    }
    found += inGroup;
    sum += (inGroup * found) / end;
    start = end;
  }
  return sum / found;
}

/**
 * Mean average precision of a multi-label set.
 *
 * `micro` ranks all item–class pairs in one list, as the published BigEarthNet numbers do; `macro` is the mean over
 * classes with at least one positive, `averaged` their number. Macro is often 10 points lower.
 *
 * @param positive [items, classes]: 1 where the item has the label
 */
export function meanAveragePrecision(
  { classes, values }: Scores,
  positive: ArrayLike<number>,
): { micro: number; macro: number; perClass: Float64Array; averaged: number } {
  const items = values.length / classes;
  const perClass = Float64Array.from({ length: classes }, (_, k) => {
    const column = (from: ArrayLike<number>) =>
      Float64Array.from({ length: items }, (_, i) => from[i * classes + k]!);
    return averagePrecision(column(values), column(positive));
  });
  const { mean, count } = meanOfNumbers(perClass);
  return { micro: averagePrecision(values, positive), macro: mean, perClass, averaged: count };
}

/**
 * F1 of the labels whose score exceeds `threshold`: over all pairs, as mean over classes that occur in truth or
 * prediction (`averaged` of them), and as mean over items, where nothing said of nothing counts as 1.
 *
 * @param positive [items, classes]: 1 where the item has the label
 */
export function labelF1(
  { classes, values }: Scores,
  positive: ArrayLike<number>,
  { threshold }: { threshold: number },
): { micro: number; macro: number; samples: number; perClass: Float64Array; averaged: number } {
  const items = values.length / classes;
  const [hits, sizes] = [new Float64Array(classes), new Float64Array(classes)];
  let samples = 0;
  for (let i = 0; i < items; i++) {
    let [hit, size] = [0, 0];
    for (let k = 0; k < classes; k++) {
      const said = numberAt(values, i * classes + k) > threshold;
      const right = Boolean(positive[i * classes + k]);
      const both = said && right ? 1 : 0;
      const either = Number(said) + Number(right);
      hits[k]! += both;
      sizes[k]! += either;
      hit += both;
      size += either;
    }
    samples += size === 0 ? 1 : (2 * hit) / size;
  }
  const sum = (of: Float64Array) => of.reduce((a, b) => a + b, 0);
  const perClass = hits.map((hit, k) => (2 * hit) / sizes[k]!);
  const { mean, count } = meanOfNumbers(perClass);
  return { micro: (2 * sum(hits)) / sum(sizes), macro: mean, samples: samples / items, perClass, averaged: count };
}

function numberAt(scores: ArrayLike<number>, at: number): number {
  const score = scores[at]!;
  if (Number.isNaN(score)) throw bug("a score is NaN");
  return score;
}

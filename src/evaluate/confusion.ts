import { bug } from "../core/error.ts";

/** Items counted by truth (row) and prediction (column). */
export interface Confusion {
  classes: number;
  /** [classes, classes], row-major; numbers below 2⁵³ are exact. */
  counts: Float64Array;
}

/**
 * Count predictions. An item is left out when its truth is `ignore`; a prediction is never ignored.
 *
 * Count a whole test set before taking ratios: means of ratios over batches are other numbers.
 */
export function confusionMatrix(
  truth: ArrayLike<number>,
  prediction: ArrayLike<number>,
  { classes, ignore }: { classes: number; ignore?: number },
): Confusion {
  if (truth.length !== prediction.length) throw bug(`${truth.length} truths for ${prediction.length} predictions`);
  const counts = new Float64Array(classes * classes);
  for (let i = 0; i < truth.length; i++) {
    const [g, p] = [truth[i]!, prediction[i]!];
    if (g === ignore) continue;
    if (!(g >= 0 && g < classes && p >= 0 && p < classes)) throw bug(`class ${g} or ${p} of ${classes}`);
    counts[g * classes + p]!++;
  }
  return { classes, counts };
}

/** What is read off a {@link Confusion}; per-class arrays are NaN where a class gives no number. */
export interface ClassScores {
  /** Items on the diagonal over all items. */
  overallAccuracy: number;
  /** Recall of each class; NaN: no item of it. */
  accuracy: Float64Array;
  /** Mean of `accuracy` over classes that have items. */
  averageAccuracy: number;
  /** NaN: never predicted. */
  precision: Float64Array;
  /** 2TP / (2TP + FP + FN); NaN: neither an item nor a prediction. */
  f1: Float64Array;
  /** Mean of `f1` over the classes that have one. */
  macroF1: number;
  /** Cohen's κ: agreement beyond that of independent draws with the same totals. */
  kappa: number;
  /** Classes in `averageAccuracy` and in `macroF1`. */
  averaged: { accuracy: number; f1: number };
}

/** Accuracies, precision, F1 and κ of a confusion matrix; of an empty one all are NaN. */
export function classScores({ classes, counts }: Confusion): ClassScores {
  const rows = new Float64Array(classes);
  const columns = new Float64Array(classes);
  for (let i = 0; i < counts.length; i++) {
    rows[Math.floor(i / classes)]! += counts[i]!;
    columns[i % classes]! += counts[i]!;
  }
  const hits = Float64Array.from(rows, (_, k) => counts[k * classes + k]!);
  const total = rows.reduce((a, b) => a + b, 0);
  const overallAccuracy = hits.reduce((a, b) => a + b, 0) / total;
  const accuracy = hits.map((hit, k) => hit / rows[k]!);
  const precision = hits.map((hit, k) => hit / columns[k]!);
  const f1 = hits.map((hit, k) => (2 * hit) / (rows[k]! + columns[k]!));
  const chance = rows.reduce((sum, row, k) => sum + row * columns[k]!, 0) / total ** 2;
  const perfect = overallAccuracy === 1 ? 1 : 0;
  const average = meanOfNumbers(accuracy);
  const macro = meanOfNumbers(f1);
  return {
    overallAccuracy,
    accuracy,
    averageAccuracy: average.mean,
    precision,
    f1,
    macroF1: macro.mean,
    kappa: chance === 1 ? perfect : (overallAccuracy - chance) / (1 - chance),
    averaged: { accuracy: average.count, f1: macro.count },
  };
}

/** Mean of what is not NaN, and how many that are; NaN of none. */
export function meanOfNumbers(values: Iterable<number>): { mean: number; count: number } {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return { mean: sum / count, count };
}

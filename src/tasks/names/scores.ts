import { classScores, confusionMatrix } from "../../evaluate/confusion.ts";
import { assess, type Measure } from "../../evaluate/protocols.ts";
import { highestScores, labelF1, meanAveragePrecision } from "../../evaluate/ranking.ts";

/** What a model says of one item: an image, or a place. */
export interface Prediction {
  id: string;
  /** [classes]: adding up to one unless an item may be in several. */
  probabilities: Float32Array;
}

/** Predictions beside the truth. */
export interface Judged {
  /** [items, classes]: what was predicted. */
  probabilities: Float64Array;
  /** Classes of each item. */
  labels: readonly (readonly number[])[];
}

/** Put the predictions of one or more runs beside the truth. */
export function judged(
  predictions: readonly Prediction[],
  samples: readonly { id: string; labels: readonly number[] }[],
): Judged {
  const truths = new Map(samples.map(({ id, labels }) => [id, labels]));
  return {
    probabilities: Float64Array.from(predictions.flatMap(({ probabilities }) => [...probabilities])),
    labels: predictions.map(({ id }) => truths.get(id)!),
  };
}

/** Which classes there are, and whether an item may be in several. */
interface Task {
  classes: readonly string[];
  multiLabel: boolean;
}

/** Overall measures with 95 % intervals: OA, AA, mF1 and kappa, or for several classes an item mAP micro and macro. */
export function measuresOf(
  { probabilities, labels }: Judged,
  { classes, multiLabel }: Task,
  { seed }: { seed: number },
): Measure[] {
  const task = { classes: classes.length, multiLabel, seed };
  const scores = { classes: task.classes, values: probabilities };
  return assess({ scores: probabilities, classes: highestScores(scores) }, labels, task);
}

/** What is said of one class. */
export interface ClassRow {
  name: string;
  /** Items that have it. */
  items: number;
  /** By measure, 0 to 1; NaN: none. */
  values: Readonly<Record<string, number>>;
}

/** Each class by itself, and for one class an item the matrix of confusions [classes, classes]. */
export function perClass(
  { probabilities, labels }: Judged,
  { classes, multiLabel }: Task,
): { rows: ClassRow[]; confusion: Float64Array | undefined } {
  const n = classes.length;
  const scores = { classes: n, values: probabilities };
  const items = (k: number) => labels.filter((own) => own.includes(k)).length;
  const rowsOf = (measures: Readonly<Record<string, Float64Array>>) =>
    classes.map((name, k) => ({
      name,
      items: items(k),
      values: Object.fromEntries(Object.entries(measures).map(([measure, values]) => [measure, values[k]!])),
    }));
  if (multiLabel) {
    const positive = new Uint8Array(probabilities.length);
    for (const [i, own] of labels.entries()) for (const k of own) positive[i * n + k] = 1;
    const { perClass: precision } = meanAveragePrecision(scores, positive);
    const { perClass: f1 } = labelF1(scores, positive, { threshold: 0.5 });
    return { rows: rowsOf({ "Average precision": precision, "F1 at 0.5": f1 }), confusion: undefined };
  }
  const truth = labels.map(([label]) => label!);
  const confusion = confusionMatrix(truth, highestScores(scores), { classes: n });
  const { accuracy, precision, f1 } = classScores(confusion);
  return { rows: rowsOf({ Accuracy: accuracy, Precision: precision, F1: f1 }), confusion: confusion.counts };
}

/** A wrong answer, and how certain it was. */
export interface Mistake {
  id: string;
  /** "Forest, called Water (97 %)". */
  text: string;
}

/** The most certain wrong answers, at most `most`. */
export function worstMistakes(
  predictions: readonly Prediction[],
  { labels, probabilities }: Judged,
  { classes, multiLabel, most }: Task & { most: number },
): Mistake[] {
  const n = classes.length;
  const percent = (p: number) => `${(100 * p).toFixed(p > 0.1 ? 0 : 1)}\u00a0%`;
  const found = predictions.flatMap(({ id }, i) => {
    const own = probabilities.subarray(i * n, (i + 1) * n);
    const best = own.indexOf(Math.max(...own));
    if (!multiLabel) {
      const text = `${classes[labels[i]![0]!]}, called ${classes[best]} (${percent(own[best]!)})`;
      return labels[i]!.includes(best) ? [] : [{ id, text, error: own[best]! }];
    }
    // The one class of this image about which the answer is the most wrong.
    const errors = Array.from(own, (p, k) => (labels[i]!.includes(k) ? 1 - p : p));
    const error = Math.max(...errors);
    const k = errors.indexOf(error);
    const text = labels[i]!.includes(k)
      ? `${classes[k]}, given ${percent(own[k]!)}`
      : `no ${classes[k]}, given ${percent(own[k]!)}`;
    return error <= 0.5 ? [] : [{ id, text, error }];
  });
  return found
    .sort((a, b) => b.error - a.error)
    .slice(0, most)
    .map(({ id, text }) => ({ id, text }));
}

import { type Confusion, classScores } from "./confusion.ts";

/** Scores of maps of change, from the pixels of a whole test set together. */
export interface ChangeScores {
  /** Of the change class: TP / (TP + FP), TP / (TP + FN), 2TP / (2TP + FP + FN), TP / (TP + FP + FN); NaN of 0 / 0. */
  precision: number;
  recall: number;
  f1: number;
  iou: number;
  /** Of both classes. */
  overallAccuracy: number;
  kappa: number;
}

/**
 * Binary change as LEVIR-CD's and OSCD's published values count it: the change class alone, never a mean of both
 * classes, and never a mean over tiles, most of which hold no change.
 *
 * @param confusion  Of two classes: unchanged, changed.
 */
export function changeScores(confusion: Confusion): ChangeScores {
  const [, falseAlarms, missed, found] = confusion.counts as unknown as [number, number, number, number];
  const { overallAccuracy, kappa } = classScores(confusion);
  return {
    precision: found / (found + falseAlarms),
    recall: found / (found + missed),
    f1: (2 * found) / (2 * found + falseAlarms + missed),
    iou: found / (found + falseAlarms + missed),
    overallAccuracy,
    kappa,
  };
}

import { type ClassScores, type Confusion, classScores, meanOfNumbers } from "./confusion.ts";

/** What happens to classes that have no pixel in the truth. */
export interface AbsentClasses {
  /** Neither in the truth nor predicted: left out of means, or counted as 0. Default: skip. */
  absent?: "skip" | "zero";
  /** Predicted somewhere only: counted as 0 in mIoU (mmseg), or left out (detectron2). Default: zero. */
  predictedOnly?: "zero" | "skip";
}

/** Scores of class maps, from the pixels of a whole test set together. */
export interface SegmentationScores extends ClassScores {
  /** TP / (TP + FP + FN) of each class; NaN where it is left out. */
  iou: Float64Array;
  meanIou: number;
  /** Classes in `meanIou`. */
  averagedIou: number;
}

/**
 * Intersection over union beside the other scores of a confusion of pixels. The defaults are those of mmseg, behind
 * the published numbers of SkySense; `predictedOnly: "skip"` is detectron2's rule, behind SkySense-O's.
 */
export function segmentationScores(
  confusion: Confusion,
  { absent = "skip", predictedOnly = "zero" }: AbsentClasses = {},
): SegmentationScores {
  const { classes, counts } = confusion;
  const iou = Float64Array.from({ length: classes }, (_, k) => {
    let [row, column] = [0, 0];
    for (let j = 0; j < classes; j++) {
      row += counts[k * classes + j]!;
      column += counts[j * classes + k]!;
    }
    const hits = counts[k * classes + k]!;
    if (row + column === 0) return absent === "zero" ? 0 : Number.NaN;
    if (row === 0 && predictedOnly === "skip") return Number.NaN;
    return hits / (row + column - hits);
  });
  const { mean, count } = meanOfNumbers(iou);
  return { ...classScores(confusion), iou, meanIou: mean, averagedIou: count };
}

/** The pixels of several images together. */
export function addConfusions(parts: readonly Confusion[], indices: ArrayLike<number>): Confusion {
  const { classes } = parts[0]!;
  const counts = new Float64Array(classes * classes);
  for (let i = 0; i < indices.length; i++) {
    const part = parts[indices[i]!]!.counts;
    for (let k = 0; k < counts.length; k++) counts[k]! += part[k]!;
  }
  return { classes, counts };
}

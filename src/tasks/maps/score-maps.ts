import { bootstrap, type Interval } from "../../evaluate/bootstrap.ts";
import type { Confusion } from "../../evaluate/confusion.ts";
import { addConfusions, type SegmentationScores, segmentationScores } from "../../evaluate/segmentation-scores.ts";

/** Scores of class maps on what was held out, 0 to 1, as `results.json` has them. */
export interface MapSummary {
  meanIou: number;
  macroF1: number;
  overallAccuracy: number;
  /** 95 %, bootstrap over the maps. */
  intervals: Record<"meanIou" | "macroF1" | "overallAccuracy", Interval>;
  /** Classes in the means. */
  averaged: { meanIou: number; macroF1: number };
  classes: readonly { name: string; iou: number | null; f1: number | null }[];
  images: number;
}

/** The same with what a report shows besides. */
export interface ScoredMaps {
  summary: MapSummary;
  scores: SegmentationScores;
  intervals: MapSummary["intervals"];
  /** Of each class's IoU. */
  classIntervals: readonly Interval[];
  confusion: Confusion;
}

/** Scores of class maps by the confusion of each, pooled; intervals by drawing maps anew. */
export function scoreMaps(
  parts: readonly Confusion[],
  classes: readonly { name: string }[],
  { seed }: { seed: number },
): ScoredMaps {
  const confusion = addConfusions(parts, [...parts.keys()]);
  const scores = segmentationScores(confusion);
  const drawn = bootstrap(
    parts.length,
    (indices) => {
      const { meanIou, macroF1, overallAccuracy, iou } = segmentationScores(addConfusions(parts, indices));
      return { meanIou, macroF1, overallAccuracy, ...Object.fromEntries(iou.entries()) } as Record<string, number>;
    },
    { seed },
  );
  const intervals = {
    meanIou: drawn.meanIou!,
    macroF1: drawn.macroF1!,
    overallAccuracy: drawn.overallAccuracy!,
  };
  const number = (value: number) => (Number.isNaN(value) ? null : value);
  const summary: MapSummary = {
    meanIou: scores.meanIou,
    macroF1: scores.macroF1,
    overallAccuracy: scores.overallAccuracy,
    intervals,
    averaged: { meanIou: scores.averagedIou, macroF1: scores.averaged.f1 },
    classes: classes.map(({ name }, k) => ({ name, iou: number(scores.iou[k]!), f1: number(scores.f1[k]!) })),
    images: parts.length,
  };
  return { summary, scores, intervals, classIntervals: classes.map((_, k) => drawn[k]!), confusion };
}

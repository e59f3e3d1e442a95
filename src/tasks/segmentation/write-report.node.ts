import { join } from "node:path";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import { bootstrap, type Interval } from "../../evaluate/bootstrap.ts";
import type { Confusion } from "../../evaluate/confusion.ts";
import { addConfusions, segmentationScores } from "../../evaluate/segmentation-scores.ts";
import { trueColour } from "../../report/picture.ts";
import { sideBySide } from "../../report/side-by-side.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import { readMetrics } from "../../train/metrics-log.node.ts";
import { classPicture } from "../maps/class-picture.ts";
import type { Judgement, WorstTile } from "../maps/judge.node.ts";
import type { FinetuneSettings } from "./finetune.node.ts";
import type { SegmenterConfig } from "./head.ts";
import { type SegmentationReport, segmentationReport } from "./report.ts";

/** Scores of a segmenter on held-out images, 0 to 1. */
export interface SegmentationSummary {
  meanIou: number;
  macroF1: number;
  overallAccuracy: number;
  /** 95 %, bootstrap over the images. */
  intervals: Record<"meanIou" | "macroF1" | "overallAccuracy", Interval>;
  /** Classes in the means. */
  averaged: { meanIou: number; macroF1: number };
  classes: readonly { name: string; iou: number | null; f1: number | null }[];
  images: number;
}

export interface WriteReportOptions {
  /** Gets `report.html` and `results.json`. */
  out: string;
  title: string;
  command: string;
  config: SegmenterConfig;
  seconds: number;
  /** Of the bootstrap. */
  seed: number;
  /** Where the model was trained in `out`. */
  training?: { images: number; settings: FinetuneSettings } | undefined;
}

/** Turn what was judged into scores, `report.html` and `results.json`. */
export async function writeSegmentationReport(
  { images, worst, failures }: Judgement,
  { out, title, command, config, seconds, seed, training }: WriteReportOptions,
): Promise<SegmentationSummary> {
  const { classes } = config;
  const { summary, ...scored } = scoreMaps(
    images.map(({ confusion }) => confusion),
    classes,
    { seed },
  );
  const report = segmentationReport({
    title,
    command,
    software,
    created: new Date().toISOString(),
    ...scored,
    classes,
    images: images.length,
    worst: await Promise.all(worst.map((tile) => picture(tile, config))),
    failures,
    seconds,
    training: training && { ...training, settings: { ...training.settings }, steps: await readMetrics(out) },
  });
  await writeAtomic(join(out, "report.html"), report);
  await writeAtomic(
    join(out, "results.json"),
    `${JSON.stringify({ ...summary, ...(training && { settings: training.settings, train: training.images }), seconds, command }, null, 2)}\n`,
  );
  return summary;
}

/** Scores of class maps by the confusion of each, pooled; intervals by drawing maps anew. */
export function scoreMaps(
  parts: readonly Confusion[],
  classes: readonly { name: string }[],
  { seed }: { seed: number },
): Pick<SegmentationReport, "scores" | "intervals" | "classIntervals" | "confusion"> & {
  summary: SegmentationSummary;
} {
  const confusion = addConfusions(
    parts,
    parts.map((_, i) => i),
  );
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
  const summary: SegmentationSummary = {
    meanIou: scores.meanIou,
    macroF1: scores.macroF1,
    overallAccuracy: scores.overallAccuracy,
    intervals,
    averaged: { meanIou: scores.averagedIou, macroF1: scores.averaged.f1 },
    classes: classes.map(({ name }, k) => ({ name, iou: number(scores.iou[k]!), f1: number(scores.f1[k]!) })),
    images: parts.length,
  };
  return { scores, intervals, classIntervals: classes.map((_, k) => drawn[k]!), confusion, summary };
}

async function picture({ id, window, wrong, image, truth, said }: WorstTile, { classes, sensor }: SegmenterConfig) {
  const [left, top, width, height] = window;
  const of = (labels: Uint8Array) => classPicture({ labels, width, height }, classes);
  const whole = sideBySide([trueColour(image, { sensor }), of(truth), of(said)], { gap: 8 });
  const png = await thumbnailPng(whole, { side: whole.width });
  return { id, where: `columns from ${left}, rows from ${top}`, wrong, png };
}

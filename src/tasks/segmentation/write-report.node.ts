import { join } from "node:path";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import { trueColour } from "../../report/picture.ts";
import { sideBySide } from "../../report/side-by-side.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import { readMetrics } from "../../train/metrics-log.node.ts";
import { classPicture } from "../maps/class-picture.ts";
import type { Judgement, WorstTile } from "../maps/judge.node.ts";
import { type MapSummary, scoreMaps } from "../maps/score-maps.ts";
import { mapScoresReport } from "../maps/scores-report.ts";
import type { FinetuneSettings } from "./finetune.node.ts";
import type { SegmenterConfig } from "./head.ts";

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
): Promise<MapSummary> {
  const { classes } = config;
  const { summary, ...scored } = scoreMaps(
    images.map(({ confusion }) => confusion),
    classes,
    { seed },
  );
  const report = mapScoresReport({
    ...{ task: "segmentation", noun: "image" as const },
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

async function picture({ id, window, wrong, image, truth, said }: WorstTile, { classes, sensor }: SegmenterConfig) {
  const [left, top, width, height] = window;
  const of = (labels: Uint8Array) => classPicture({ labels, width, height }, classes);
  const whole = sideBySide([trueColour(image, { sensor }), of(truth), of(said)], { gap: 8 });
  const png = await thumbnailPng(whole, { side: whole.width });
  return { id, where: `columns from ${left}, rows from ${top}`, wrong, png };
}

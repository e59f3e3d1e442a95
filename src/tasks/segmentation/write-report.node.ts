import { join } from "node:path";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import type { Interval } from "../../evaluate/bootstrap.ts";
import { type SemanticChangeScores, scoreSemanticChange } from "../../evaluate/semantic-change.ts";
import { formatCount, formatPercent, formatPercents } from "../../report/format.ts";
import { trueColour } from "../../report/picture.ts";
import { sideBySide } from "../../report/side-by-side.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import { readMetrics } from "../../train/metrics-log.node.ts";
import { classPicture } from "../maps/class-picture.ts";
import type { WorstTile } from "../maps/judge.node.ts";
import { type MapSummary, scoreMaps } from "../maps/score-maps.ts";
import { mapScoresReport } from "../maps/scores-report.ts";
import type { SegmenterJudgement } from "./evaluate.node.ts";
import type { FinetuneSettings } from "./finetune.node.ts";
import type { SegmenterConfig } from "./head.ts";
import type { JudgedSeries } from "./judge-series.node.ts";

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

/** Scores of maps, and where places were mapped again and again of the change from map to map. */
export interface SegmentationSummary extends MapSummary {
  /** 0 to 1; null: nothing changed. Intervals: 95 %, bootstrap over the places. */
  change?: Record<keyof SemanticChangeScores, number | null> & {
    intervals: Record<keyof SemanticChangeScores, Interval>;
    places: number;
  };
}

/** Turn what was judged into scores, `report.html` and `results.json`. */
export async function writeSegmentationReport(
  { images, worst, failures, series }: SegmenterJudgement,
  { out, title, command, config, seconds, seed, training }: WriteReportOptions,
): Promise<SegmentationSummary> {
  const { classes } = config;
  const change = series.length === 0 ? undefined : changeOf(series, seed);
  const { summary: ofMaps, ...scored } = scoreMaps(
    images.map(({ confusion }) => confusion),
    classes,
    { seed },
  );
  const summary: SegmentationSummary = { ...ofMaps, ...(change && { change }) };
  const report = mapScoresReport({
    about: change && aboutChange(change),
    ...{ task: "segmentation", noun: change === undefined ? ("image" as const) : ("place" as const) },
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

function changeOf(series: readonly JudgedSeries[], seed: number): NonNullable<SegmentationSummary["change"]> {
  const { intervals, ...scores } = scoreSemanticChange(
    series.map(({ counts }) => counts),
    { seed },
  );
  const number = (value: number) => (Number.isNaN(value) ? null : value);
  const [scs, bc, sc] = [number(scores.scs), number(scores.bc), number(scores.sc)];
  return { scs, bc, sc, intervals, places: series.length };
}

function aboutChange({ places, intervals, ...scores }: NonNullable<SegmentationSummary["change"]>) {
  const said = (name: keyof SemanticChangeScores) =>
    `${formatPercent(scores[name] ?? Number.NaN)} (95 %: ${formatPercents(intervals[name])})`;
  return {
    "Change from map to map (SCS)": `${said("scs")}, ${formatCount(places, "place")}`,
    "What changed (BC)": said("bc"),
    "What it became (SC)": said("sc"),
  };
}

async function picture({ id, window, wrong, image, truth, said }: WorstTile, { classes, sensor }: SegmenterConfig) {
  const [left, top, width, height] = window;
  const of = (labels: Uint8Array) => classPicture({ labels, width, height }, classes);
  const whole = sideBySide([trueColour(image, { sensor }), of(truth), of(said)], { gap: 8 });
  const png = await thumbnailPng(whole, { side: whole.width });
  return { id, where: `columns from ${left}, rows from ${top}`, wrong, png };
}

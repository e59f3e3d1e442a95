import { join } from "node:path";
import type { SensorName } from "../../core/place.ts";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import type { Measure } from "../../evaluate/protocols.ts";
import { enlarged, type Picture } from "../../report/picture.ts";
import { sideBySide } from "../../report/side-by-side.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import { readMetrics } from "../../train/metrics-log.node.ts";
import { classPicture } from "../maps/class-picture.ts";
import { type MapSummary, scoreMaps } from "../maps/score-maps.ts";
import { mapScoresReport } from "../maps/scores-report.ts";
import { namesReport } from "../names/report.ts";
import { judged, measuresOf, perClass, worstMistakes } from "../names/scores.ts";
import { clearest } from "./clearest.ts";
import type { DatedItem } from "./data/dated-set.ts";
import type { FinetuneSettings } from "./finetune.node.ts";
import type { SeriesConfig } from "./head.ts";
import type { Judgement, WorstPlace } from "./judge.node.ts";
import { readShown } from "./shown.node.ts";

/** Scores on held-out places: of maps, or of classes of the whole. */
export type SeriesSummary = MapSummary | { measures: readonly Measure[]; places: number };

export interface WriteReportOptions {
  /** Gets `report.html` and `results.json`. */
  out: string;
  title: string;
  command: string;
  config: SeriesConfig;
  /** What was looked at. */
  sensors: readonly SensorName[];
  dates: number;
  /** What was judged. */
  items: readonly DatedItem[];
  seconds: number;
  /** Of the bootstrap. */
  seed: number;
  /** Where the model was trained in `out`. */
  training?: { places: number; settings: FinetuneSettings; base: { name: string; trained: boolean } } | undefined;
}

type Steps = { step: number; loss: number; lr: number; samplesPerSecond: number };

/** Turn what was judged into scores, `report.html` and `results.json`. */
export async function writeSeriesReport(judgement: Judgement, options: WriteReportOptions): Promise<SeriesSummary> {
  const { out, config, training, seconds, command, sensors, dates } = options;
  const steps = training === undefined ? [] : await readMetrics<Steps>(out);
  const { summary, report } = await (config.answer === "map" ? ofMaps : ofClasses)(judgement, options, steps);
  const more = training && { settings: training.settings, model: training.base, train: training.places };
  await writeAtomic(join(out, "report.html"), report);
  const json = { ...summary, sensors, dates, ...more, seconds, command };
  await writeAtomic(join(out, "results.json"), `${JSON.stringify(json, null, 2)}\n`);
  return summary;
}

interface Written {
  summary: SeriesSummary;
  report: string;
}

async function ofMaps(
  { maps, worst, failures }: Judgement,
  { title, command, config, seconds, seed, training, sensors, dates }: WriteReportOptions,
  steps: readonly Steps[],
): Promise<Written> {
  const { classes } = config;
  const { summary, ...scored } = scoreMaps(
    maps.map(({ confusion }) => confusion),
    classes,
    { seed },
  );
  const report = mapScoresReport({
    ...{ task: "time series", noun: "place" as const, title, command, software, created: new Date().toISOString() },
    ...scored,
    ...{ classes, images: maps.length, failures, seconds },
    about: aboutOf({ sensors, dates, config }),
    worst: await Promise.all(worst.map((one) => pictured(one, config))),
    training: training && { images: training.places, settings: settingsOf(training), steps },
  });
  return { summary, report };
}

function aboutOf({ sensors, dates, config }: Pick<WriteReportOptions, "sensors" | "dates" | "config">) {
  const most = dates === 1 ? "one image" : `at most ${dates} images`;
  return {
    Sensors: sensors.join(", ").toUpperCase(),
    Dates: `${most} of a sensor`,
    "Learnt from": `${config.size} × ${config.size} cells`,
  };
}

function settingsOf({ settings, base }: NonNullable<WriteReportOptions["training"]>): Record<string, string> {
  const given = Object.entries(settings).map(([name, value]) => [name, String(value)]);
  return { model: `${base.name}${base.trained ? "" : ", random weights"}`, ...Object.fromEntries(given) };
}

/** Side that small maps are enlarged to, and gap between pictures, in pixels. */
const shownSide = 256;

async function pictured({ id, wrong, place, truth, said }: WorstPlace, { classes }: SeriesConfig) {
  const shown = clearest(place);
  const of = (labels: Uint8Array) => classPicture({ labels, width: truth.width, height: truth.height }, classes);
  const fit = (picture: Picture) => enlarged(picture, Math.max(1, Math.round(shownSide / picture.width)));
  const parts = [shown.picture, of(truth.data), of(said.labels)].map(fit);
  const whole = sideBySide(parts, { gap: 8 });
  const png = await thumbnailPng(whole, { side: whole.width });
  return { id, where: shown.text, wrong, png };
}

async function ofClasses(
  { predictions, failures }: Judgement,
  { title, command, config, seconds, seed, training, items, sensors, dates }: WriteReportOptions,
  steps: readonly Steps[],
): Promise<Written> {
  const task = { classes: config.classes.map(({ name }) => name), multiLabel: config.answer === "classes" };
  const found = judged(predictions, items);
  const measures = measuresOf(found, task, { seed });
  const { rows, confusion } = perClass(found, task);
  const mistakes = await Promise.all(
    worstMistakes(predictions, found, { ...task, most: 12 }).map(async ({ id, text }) => {
      const source = items.find((item) => item.id === id)!.source;
      return { id, text, png: await readShown(source, { sensors, dates }) };
    }),
  );
  const report = namesReport({
    ...{ task: "time series", noun: "place" as const, title, command, software, created: new Date().toISOString() },
    ...task,
    runs: [{ seed, measures, steps }],
    ...{ classRows: rows, confusion, mistakes, failures, seconds },
    counts: { train: training?.places ?? 0, test: predictions.length },
    settings: { ...aboutOf({ sensors, dates, config }), ...(training && settingsOf(training)) },
  });
  return { summary: { measures, places: predictions.length }, report };
}

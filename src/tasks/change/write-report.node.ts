import { join } from "node:path";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import { bootstrap, type Interval } from "../../evaluate/bootstrap.ts";
import { type ChangeScores, changeScores } from "../../evaluate/change-scores.ts";
import { addConfusions } from "../../evaluate/segmentation-scores.ts";
import { enlarged, trueColour } from "../../report/picture.ts";
import { sideBySide } from "../../report/side-by-side.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import { readMetrics } from "../../train/metrics-log.node.ts";
import type { Judgement, WorstTile } from "../maps/judge.node.ts";
import { outcomePicture } from "./difference-picture.ts";
import type { FinetuneSettings } from "./finetune.node.ts";
import type { ChangeConfig } from "./head.ts";
import { changeReport } from "./report.ts";

/** Scores of a change detector on held-out pairs, 0 to 1; null: there was no change, neither true nor said. */
export interface ChangeSummary extends Record<keyof ChangeScores, number | null> {
  /** 95 %, bootstrap over the pairs. */
  intervals: Record<keyof ChangeScores, Interval>;
  pairs: number;
}

export interface WriteReportOptions {
  /** Gets `report.html` and `results.json`. */
  out: string;
  title: string;
  command: string;
  config: ChangeConfig;
  seconds: number;
  /** Of the bootstrap. */
  seed: number;
  /** Where the model was trained in `out`. */
  training?: { pairs: number; settings: FinetuneSettings } | undefined;
}

/** Turn what was judged into scores, `report.html` and `results.json`. */
export async function writeChangeReport(
  { images, worst, failures }: Judgement,
  { out, title, command, config, seconds, seed, training }: WriteReportOptions,
): Promise<ChangeSummary> {
  const parts = images.map(({ confusion }) => confusion);
  const confusion = addConfusions(parts, [...parts.keys()]);
  const scores = changeScores(confusion);
  const measure = (indices: Int32Array): Record<keyof ChangeScores, number> => ({
    ...changeScores(addConfusions(parts, indices)),
  });
  const intervals = bootstrap(parts.length, measure, { seed });
  const report = changeReport({
    ...{ title, command, software, scores, intervals, confusion, failures, seconds },
    created: new Date().toISOString(),
    pairs: images.length,
    worst: await Promise.all(worst.map((tile) => picture(tile, config))),
    training: training && { ...training, settings: { ...training.settings }, steps: await readMetrics(out) },
  });
  const numbers = Object.fromEntries(
    Object.entries(scores).map(([name, value]) => [name, Number.isNaN(value) ? null : value]),
  ) as Record<keyof ChangeScores, number | null>;
  const summary: ChangeSummary = { ...numbers, intervals, pairs: images.length };
  await writeAtomic(join(out, "report.html"), report);
  const trained = training && { settings: training.settings, train: training.pairs };
  await writeAtomic(
    join(out, "results.json"),
    `${JSON.stringify({ ...summary, ...trained, seconds, command }, null, 2)}\n`,
  );
  return summary;
}

async function picture({ id, window, wrong, image, truth, said }: WorstTile, { sensor }: ChangeConfig) {
  const [left, top, width, height] = window;
  const dates = [0, 1].map((date) => trueColour(image, { sensor, date }));
  const found = outcomePicture(truth, said, { width, height });
  const times = Math.max(1, Math.floor(256 / width));
  const whole = sideBySide(
    [...dates, found].map((one) => enlarged(one, times)),
    { gap: 8 },
  );
  const png = await thumbnailPng(whole, { side: whole.width });
  return { id, where: `columns from ${left}, rows from ${top}`, wrong, png };
}

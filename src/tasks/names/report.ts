import { overSeeds } from "../../evaluate/bootstrap.ts";
import type { Measure } from "../../evaluate/protocols.ts";
import { lineChart } from "../../report/chart.ts";
import { confusionChart } from "../../report/confusion-chart.ts";
import { formatPercent, formatPercents, formatSeconds } from "../../report/format.ts";
import { dataUri, type Html, html } from "../../report/html.ts";
import {
  type Column,
  facts,
  keyFigures,
  leftOut,
  leftOutNote,
  notes,
  page,
  section,
  table,
} from "../../report/pieces.ts";
import { curveOf } from "../../report/training.ts";
import type { ClassRow, Mistake } from "./scores.ts";

/** What `report.html` of a model shows that gives things as a whole their classes: one run, or several that differ in their seed. */
export interface NamesReport {
  /** Which task it is of. Default "scene classification". */
  task?: string;
  /** What was judged, one of them. Default "image". */
  noun?: "image" | "place";
  title: string;
  command: string;
  software: string;
  created: string;
  classes: readonly string[];
  multiLabel: boolean;
  runs: readonly {
    seed: number;
    measures: readonly Measure[];
    /** Of the metrics log. */
    steps: readonly { step: number; loss: number; lr: number; samplesPerSecond: number }[];
  }[];
  /** Over all runs, as is the matrix of confusions [classes, classes]; none where an image may be in several classes. */
  classRows: readonly ClassRow[];
  confusion: ArrayLike<number> | undefined;
  /** The most certain wrong answers of the first run. */
  mistakes: readonly (Mistake & { png: Uint8Array })[];
  counts: { train: number; test: number };
  settings: Readonly<Record<string, string>>;
  failures: readonly { id: string; reason: string }[];
  seconds: number;
}

const titles: Readonly<Record<string, string>> = {
  OA: "Overall accuracy",
  AA: "Mean over classes",
  mF1: "Mean F1",
  kappa: "Cohen’s κ",
  "mAP micro": "mAP over all answers",
  "mAP macro": "mAP over classes",
};

/** The report as one HTML document that needs nothing else. All text is escaped. */
export function namesReport(report: NamesReport): string {
  const { task = "scene classification", noun = "image", title, runs, classes, confusion, failures } = report;
  const several = runs.length > 1;
  return page({
    title,
    body: html`<p class="eyebrow">SkySense ${task}</p>
<h1>${title}</h1>
<p class="lead">${lead(report)}</p>
${keyFigures([...figures(report), ["Time", formatSeconds(report.seconds)]])}
${notes(leftOutNote(failures, noun))}
${several ? section("Runs", runTable(report)) : undefined}
${confusion && section("Confusion", confusionChart({ counts: confusion, classes }))}
${section("Classes", classTable(report))}
${section(several ? `Worst mistakes of seed ${runs[0]!.seed}` : "Worst mistakes", mistakes(report))}
${runs.every(({ steps }) => steps.length === 0) ? undefined : section("Training", curve(runs, "loss", "Loss"), curve(runs.slice(0, 1), "lr", "Learning rate"))}
${section("Settings", facts(Object.entries(report.settings)))}
${leftOut(failures, noun)}
${section("Command", html`<pre><code>${report.command}</code></pre>`)}
<footer>${report.software} · ${report.created}</footer>`,
  });
}

function lead({ runs, multiLabel, noun = "image", counts: { train, test } }: NamesReport): string {
  const what = multiLabel
    ? `mean average precision of ${shown(runs, "mAP macro")} over classes`
    : `${shown(runs, "OA")} of the ${noun}s named rightly`;
  const seeds = runs.length > 1 ? `, mean ± standard deviation of ${runs.length} seeds` : "";
  const learnt = train === 0 ? "Judged" : `Learnt from ${train} ${noun}s and judged once,`;
  return `${learnt} on ${test} that were held out: ${what}${seeds}.`;
}

/** "87.1 %", or "87.1 ± 0.4 %" over several runs. */
function shown(runs: NamesReport["runs"], metric: string): string {
  const values = runs.map(({ measures }) => measures.find((measure) => measure.metric === metric)!.value);
  if (values.length === 1) return formatPercent(values[0]!);
  const { mean, std } = overSeeds(values.map((value) => 100 * value));
  return `${mean.toFixed(1)} ± ${std.toFixed(1)}\u00a0%`;
}

function figures({ runs }: NamesReport): [string, string][] {
  const { measures } = runs[0]!;
  const all = measures.map(({ metric }): [string, string] => [titles[metric] ?? metric, shown(runs, metric)]);
  const { low, high } = measures[0]!;
  if (runs.length === 1) all.splice(1, 0, ["95 % interval", formatPercents({ low, high })]);
  return all;
}

function runTable({ runs }: NamesReport): Html {
  const metrics = runs[0]!.measures.map(({ metric }) => metric);
  const columns: Column[] = [
    { heading: "Seed", kind: "name" },
    ...metrics.map((metric): Column => ({ heading: titles[metric] ?? metric, kind: "number" })),
  ];
  const rows = runs.map(({ seed, measures }) => [
    String(seed),
    ...measures.map(({ value, low, high }) => `${formatPercent(value)} (${formatPercents({ low, high })})`),
  ]);
  return table(columns, [...rows, ["mean ± deviation", ...metrics.map((metric) => shown(runs, metric))]]);
}

function curve(runs: NamesReport["runs"], key: "loss" | "lr", name: string): Html {
  const named = (seed: number) => (runs.length === 1 ? name : `${name}, seed ${seed}`);
  const lines = runs.map(({ seed, steps }) => curveOf(named(seed), steps, (step) => step[key]));
  return lineChart({ lines, x: "step", y: name });
}

function mistakes({ mistakes: found }: NamesReport): Html {
  if (found.length === 0) return html`<p class="muted">None.</p>`;
  return html`<div class="thumbnails">${found.map(
    ({ id, text, png }) =>
      html`<figure><img src="${dataUri("image/png", png)}" alt="${id}" title="${id}"><figcaption>${text}</figcaption></figure>`,
  )}</div>`;
}

function classTable({ classRows, noun = "image" }: NamesReport): Html {
  const measures = Object.keys(classRows[0]!.values);
  return table(
    [
      { heading: "Class", kind: "name" },
      { heading: noun === "image" ? "Images" : "Places", kind: "number" },
      ...measures.map((heading): Column => ({ heading, kind: "number" })),
    ],
    classRows.map(({ name, items, values }) => [
      name,
      String(items),
      ...measures.map((measure) => formatPercent(values[measure]!)),
    ]),
  );
}

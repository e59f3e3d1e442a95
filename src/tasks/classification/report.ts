import type { ClassScores, Confusion } from "../../evaluate/confusion.ts";
import { lineChart } from "../../report/chart.ts";
import { confusionChart } from "../../report/confusion-chart.ts";
import { formatNumber, formatSeconds } from "../../report/format.ts";
import { dataUri, type Html, html } from "../../report/html.ts";
import { facts, foldedList, keyFigures, notes, page, section, table } from "../../report/pieces.ts";

/** What `report.html` of a fine-tuned classifier shows. */
export interface ClassificationReport {
  title: string;
  command: string;
  software: string;
  created: string;
  /** Of the metrics log. */
  steps: readonly { step: number; loss: number; lr: number; samplesPerSecond: number }[];
  scores: ClassScores;
  interval: { low: number; high: number };
  confusion: Confusion;
  classes: readonly string[];
  /** The most certain wrong answers. */
  mistakes: readonly { id: string; truth: string; said: string; probability: number; png: Uint8Array }[];
  counts: { train: number; test: number };
  settings: Readonly<Record<string, unknown>>;
  failures: readonly { id: string; reason: string }[];
  seconds: number;
}

/** The report as one HTML document that needs nothing else. All text is escaped. */
export function classificationReport(report: ClassificationReport): string {
  const { title, scores, interval, confusion, classes, counts, steps, failures } = report;
  const percent = (share: number) => `${formatNumber(Math.round(1000 * share) / 10)} %`;
  return page({
    title,
    body: html`<p class="eyebrow">SkySense scene classification</p>
<h1>${title}</h1>
<p class="lead">${percent(scores.overallAccuracy)} of ${counts.test} held-out images are named rightly, after learning from ${counts.train}.</p>
${keyFigures([
  ["Overall accuracy", percent(scores.overallAccuracy)],
  ["95 % interval", `${percent(interval.low)} … ${percent(interval.high)}`],
  ["Mean over classes", percent(scores.averageAccuracy)],
  ["Time", formatSeconds(report.seconds)],
])}
${notes(failures.length === 0 ? [] : [`${failures.length} images could not be used.`])}
${section("Confusion", confusionChart({ counts: confusion.counts, classes }))}
${section("Worst mistakes", mistakes(report, percent))}
${section(
  "Training",
  curve(
    "Loss",
    steps.map(({ step, loss }) => [step, loss]),
  ),
  curve(
    "Learning rate",
    steps.map(({ step, lr }) => [step, lr]),
  ),
)}
${section("Classes", classTable(report, percent))}
${section("Settings", facts(Object.entries(report.settings).map(([name, value]) => [name, String(value)])))}
${
  failures.length === 0
    ? undefined
    : section(
        "Images left out",
        foldedList(
          failures.map(({ id, reason }) => `${id}: ${reason}`),
          { noun: "images" },
        ),
      )
}
${section("Command", html`<pre><code>${report.command}</code></pre>`)}
<footer>${report.software} · ${report.created}</footer>`,
  });
}

function curve(name: string, points: readonly (readonly [number, number])[]): Html {
  return lineChart({ lines: [{ name, points }], x: "step", y: name });
}

function mistakes({ mistakes: found }: ClassificationReport, percent: (share: number) => string): Html {
  if (found.length === 0) return html`<p class="muted">None.</p>`;
  return html`<div class="thumbnails">${found.map(
    ({ id, truth, said, probability, png }) =>
      html`<figure><img src="${dataUri("image/png", png)}" alt="${id}"><figcaption>${truth}, called ${said} (${percent(probability)})</figcaption></figure>`,
  )}</div>`;
}

function classTable({ classes, scores, confusion }: ClassificationReport, percent: (share: number) => string): Html {
  const shown = (share: number) => (Number.isNaN(share) ? "–" : percent(share));
  return table(
    [
      { heading: "Class", kind: "name" },
      { heading: "Images", kind: "number" },
      { heading: "Accuracy", kind: "number" },
      { heading: "Precision", kind: "number" },
      { heading: "F1", kind: "number" },
    ],
    classes.map((name, k) => [
      name,
      String(confusion.counts.subarray(k * classes.length, (k + 1) * classes.length).reduce((a, b) => a + b, 0)),
      shown(scores.accuracy[k]!),
      shown(scores.precision[k]!),
      shown(scores.f1[k]!),
    ]),
  );
}

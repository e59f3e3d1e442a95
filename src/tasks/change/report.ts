import type { Interval } from "../../evaluate/bootstrap.ts";
import type { ChangeScores } from "../../evaluate/change-scores.ts";
import type { Confusion } from "../../evaluate/confusion.ts";
import { formatCount, formatPercent, formatPercents, formatSeconds } from "../../report/format.ts";
import { dataUri, type Html, html } from "../../report/html.ts";
import { keyFigures, leftOut, leftOutNote, notes, page, section, table } from "../../report/pieces.ts";
import { trainingSections } from "../../report/training.ts";
import { classLegend } from "../maps/class-legend.ts";
import { outcomes } from "./difference-picture.ts";

/** What `report.html` of a change detector shows. */
export interface ChangeReport {
  title: string;
  command: string;
  software: string;
  created: string;
  scores: ChangeScores;
  /** 95 %, bootstrap over the pairs. */
  intervals: Readonly<Record<keyof ChangeScores, Interval>>;
  /** Of unchanged and changed pixels. */
  confusion: Confusion;
  /** Pairs that were judged. */
  pairs: number;
  /** Before, after, and what was found, side by side. */
  worst: readonly { id: string; where: string; wrong: number; png: Uint8Array }[];
  failures: readonly { id: string; reason: string }[];
  seconds: number;
  /** Where the model was trained in the same run. */
  training?:
    | {
        pairs: number;
        settings: Readonly<Record<string, unknown>>;
        steps: readonly { step: number; loss: number; lr: number }[];
      }
    | undefined;
}

const names: Readonly<Record<keyof ChangeScores, string>> = {
  f1: "F1 of change",
  precision: "Precision",
  recall: "Recall",
  iou: "IoU of change",
  overallAccuracy: "Pixel accuracy",
  kappa: "Kappa",
};

/** The report as one HTML document that needs nothing else. All text is escaped. */
export function changeReport(report: ChangeReport): string {
  const { title, scores, intervals, training, failures, pairs } = report;
  return page({
    title,
    body: html`<p class="eyebrow">SkySense change</p>
<h1>${title}</h1>
<p class="lead">F1 of change ${formatPercent(scores.f1)} on ${formatCount(pairs, "held-out pair")}${
      training === undefined ? "" : `, after learning from ${training.pairs}`
    }.</p>
${keyFigures([
  ["F1 of change", formatPercent(scores.f1)],
  ["95 % interval", formatPercents(intervals.f1)],
  ["Precision", formatPercent(scores.precision)],
  ["Recall", formatPercent(scores.recall)],
  ["Time", formatSeconds(report.seconds)],
])}
${notes([...leftOutNote(failures, "pair"), ...fewNote(pairs)])}
${section("Scores", scoreTable(report), html`<p class="muted">Of the change class, on the pixels of all pairs together; pixel accuracy and kappa are of both classes. Intervals: bootstrap over the pairs.</p>`)}
${section("Worst tiles", worstTiles(report))}
${section("Pixels", pixelTable(report))}
${training === undefined ? undefined : trainingSection(training)}
${leftOut(failures, "pair")}
${section("Command", html`<pre><code>${report.command}</code></pre>`)}
<footer>${report.software} · ${report.created}</footer>`,
  });
}

function fewNote(pairs: number): string[] {
  return pairs < 10
    ? [`Judged on ${pairs === 1 ? "one pair" : `${pairs} pairs`}: the intervals say how little that is.`]
    : [];
}

function scoreTable({ scores, intervals }: ChangeReport): Html {
  return table(
    [
      { heading: "Score", kind: "name" },
      { heading: "Value", kind: "number" },
      { heading: "95 %", kind: "number" },
    ],
    (Object.keys(names) as (keyof ChangeScores)[]).map((key) => [
      names[key],
      formatPercent(scores[key]),
      formatPercents(intervals[key]),
    ]),
  );
}

function pixelTable({ confusion: { counts } }: ChangeReport): Html {
  const total = counts.reduce((a, b) => a + b, 0);
  return table(
    [
      { heading: "Truth", kind: "name" },
      { heading: "said unchanged", kind: "number" },
      { heading: "said changed", kind: "number" },
    ],
    ["unchanged", "changed"].map((name, k) => [
      name,
      ...[0, 1].map((said) => formatPercent(counts[2 * k + said]! / total)),
    ]),
  );
}

function worstTiles({ worst }: ChangeReport): Html {
  if (worst.length === 0) return html`<p class="muted">None.</p>`;
  return html`<p class="muted">Before, after, and what was found; what has no label is left white.</p>
${classLegend(outcomes)}
${worst.map(
  ({ id, where, wrong, png }) =>
    html`<figure><img src="${dataUri("image/png", png)}" alt="before, after and change of ${id}"><figcaption>${id}, ${where}: ${formatPercent(wrong)} wrong</figcaption></figure>`,
)}`;
}

function trainingSection({ settings, steps }: NonNullable<ChangeReport["training"]>): Html {
  return trainingSections({ settings, steps, losses: { Loss: ({ loss }) => loss } });
}

import { confusionChart } from "../../report/confusion-chart.ts";
import { formatCount, formatPercent, formatPercents, formatSeconds } from "../../report/format.ts";
import { dataUri, type Html, html } from "../../report/html.ts";
import { facts, keyFigures, leftOut, leftOutNote, notes, page, section, table } from "../../report/pieces.ts";
import { trainingSections } from "../../report/training.ts";
import { classLegend } from "./class-legend.ts";
import type { MapClass } from "./classes.ts";
import type { ScoredMaps } from "./score-maps.ts";

/** What `report.html` of a model that draws class maps shows. */
export interface MapScoresReport extends Omit<ScoredMaps, "summary"> {
  /** Which task it is of: "segmentation". */
  task: string;
  /** What was judged, one of them. */
  noun: "image" | "place";
  /** Further facts of what was looked at. */
  about?: Readonly<Record<string, string>>;
  title: string;
  command: string;
  software: string;
  created: string;
  classes: readonly MapClass[];
  /** Images that were judged. */
  images: number;
  /** Image, truth and prediction side by side. */
  worst: readonly { id: string; where: string; wrong: number; png: Uint8Array }[];
  failures: readonly { id: string; reason: string }[];
  seconds: number;
  /** Where the model was trained in the same run. */
  training?:
    | {
        images: number;
        settings: Readonly<Record<string, unknown>>;
        steps: readonly { step: number; loss: number; decodeLoss?: number; lr: number }[];
      }
    | undefined;
}

/** The report as one HTML document that needs nothing else. All text is escaped. */
export function mapScoresReport(report: MapScoresReport): string {
  const { task, noun, about = {} } = report;
  const { title, scores, intervals, classes, confusion, training, failures, images } = report;
  return page({
    title,
    body: html`<p class="eyebrow">SkySense ${task}</p>
<h1>${title}</h1>
<p class="lead">Mean IoU ${formatPercent(scores.meanIou)} over ${scores.averagedIou} classes on ${formatCount(images, `held-out ${noun}`)}${
      training === undefined ? "" : `, after learning from ${training.images}`
    }.</p>
${keyFigures([
  ["Mean IoU", formatPercent(scores.meanIou)],
  ["95 % interval", formatPercents(intervals.meanIou)],
  ["Mean F1", formatPercent(scores.macroF1)],
  ["Pixel accuracy", formatPercent(scores.overallAccuracy)],
  ["Time", formatSeconds(report.seconds)],
])}
${notes(leftOutNote(failures, noun))}
${section("Classes", classTable(report), html`<p class="muted">Pixels of all ${noun}s are counted together before ratios are taken. Classes that occur in neither masks nor predictions are left out of means; one that is predicted but in no mask counts 0 in mean IoU, as in mmseg. Intervals: bootstrap over the ${noun}s.</p>`)}
${section(noun === "image" ? "Worst tiles" : `Worst ${noun}s`, worstTiles(report))}
${section("Confusion", confusionChart({ counts: confusion.counts, classes: classes.map(({ name }) => name) }))}
${Object.keys(about).length === 0 ? undefined : section("What was looked at", facts(Object.entries(about)))}
${training === undefined ? undefined : trainingSection(training)}
${leftOut(failures, noun)}
${section("Command", html`<pre><code>${report.command}</code></pre>`)}
<footer>${report.software} · ${report.created}</footer>`,
  });
}

function classTable({ classes, scores, confusion, classIntervals }: MapScoresReport): Html {
  const n = classes.length;
  const rows = classes.map((_, k) => confusion.counts.subarray(k * n, (k + 1) * n).reduce((a, b) => a + b, 0));
  const total = rows.reduce((a, b) => a + b, 0);
  return table(
    [
      { heading: "Class", kind: "name" },
      { heading: "Pixels", kind: "number" },
      { heading: "IoU", kind: "number" },
      { heading: "95 %", kind: "number" },
      { heading: "F1", kind: "number" },
      { heading: "Recall", kind: "number" },
      { heading: "Precision", kind: "number" },
    ],
    classes.map(({ name }, k) => [
      name,
      formatPercent(rows[k]! / total),
      formatPercent(scores.iou[k]!),
      formatPercents(classIntervals[k]!),
      formatPercent(scores.f1[k]!),
      formatPercent(scores.accuracy[k]!),
      formatPercent(scores.precision[k]!),
    ]),
  );
}

function worstTiles({ worst, classes }: MapScoresReport): Html {
  if (worst.length === 0) return html`<p class="muted">None.</p>`;
  return html`<p class="muted">Image, mask and prediction; what has no label is left white.</p>
${classLegend(classes)}
${worst.map(
  ({ id, where, wrong, png }) =>
    html`<figure><img src="${dataUri("image/png", png)}" alt="image, mask and prediction of ${id}"><figcaption>${id}, ${where}: ${formatPercent(wrong)} wrong</figcaption></figure>`,
)}`;
}

function trainingSection({ settings, steps }: NonNullable<MapScoresReport["training"]>): Html {
  const ofHead = steps.some(({ decodeLoss }) => decodeLoss !== undefined);
  const losses = {
    Loss: ({ loss }: (typeof steps)[number]) => loss,
    ...(ofHead && { "of the decode head": ({ decodeLoss }: (typeof steps)[number]) => decodeLoss }),
  };
  return trainingSections({ settings, steps, losses });
}

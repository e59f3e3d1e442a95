import { type BoxScores, curve } from "../../evaluate/box-precision.ts";
import { lineChart } from "../../report/chart.ts";
import { formatCount, formatNumber, formatPercent, formatPercents, formatSeconds } from "../../report/format.ts";
import { dataUri, type Html, html } from "../../report/html.ts";
import { keyFigures, leftOut, leftOutNote, notes, page, section, table } from "../../report/pieces.ts";
import { trainingSections } from "../../report/training.ts";

/** What `report.html` of a detector shows. */
export interface DetectionReport {
  title: string;
  command: string;
  software: string;
  created: string;
  classes: readonly string[];
  scores: BoxScores;
  voc07: BoxScores;
  /** Of each class, right and wrong by falling score, at an overlap of 0.5. */
  outcomes: readonly Int8Array[];
  images: number;
  /** Image with its objects, and with what was found, side by side. */
  worst: readonly { id: string; missed: number; wrong: number; png: Uint8Array }[];
  /** Detections of this score and more are drawn. */
  drawnFrom: number;
  failures: readonly { id: string; reason: string }[];
  seconds: number;
  /** Where the model was trained in the same run. */
  training?:
    | {
        images: number;
        settings: Readonly<Record<string, unknown>>;
        steps: readonly ({ step: number } & Record<string, number>)[];
      }
    | undefined;
}

/** The report as one HTML document that needs nothing else. All text is escaped. */
export function detectionReport(report: DetectionReport): string {
  const { title, scores, voc07, training, failures, images } = report;
  const counted = scores.classes.length - scores.absent;
  return page({
    title,
    body: html`<p class="eyebrow">SkySense detection</p>
<h1>${title}</h1>
<p class="lead">Mean average precision ${formatPercent(scores.map50)} at an overlap of 0.5, over ${counted} ${counted === 1 ? "class" : "classes"} on ${formatCount(images, "held-out image")}${
      training === undefined ? "" : `, after learning from ${training.images}`
    }.</p>
${keyFigures([
  ["mAP at 0.5", formatPercent(scores.map50)],
  ["95 % interval", formatPercents(scores.interval.map50)],
  ["mAP 0.5 to 0.95", formatPercent(scores.map)],
  ["VOC 2007 at 0.5", formatPercent(voc07.map50)],
  ["Time", formatSeconds(report.seconds)],
])}
${notes(notesOf(report))}
${section("Classes", classTable(report), html`<p class="muted">COCO's rules: the best hundred detections of a class in an image, the mean of precision at 101 recalls. Interval: bootstrap over the images.</p>`)}
${section("Precision and recall", curves(report))}
${section("Worst images", worstImages(report))}
${training === undefined ? undefined : trainingSection(training)}
${leftOut(failures, "image")}
${section("Command", html`<pre><code>${report.command}</code></pre>`)}
<footer>${report.software} · ${report.created}</footer>`,
  });
}

function notesOf({ failures, scores }: DetectionReport): string[] {
  const texts = leftOutNote(failures, "image");
  if (scores.absent > 0)
    texts.push(`${scores.absent} classes have no object among these images and count in no mean.`);
  if (scores.dropped > 0) texts.push(`${scores.dropped} detections without extent were dropped.`);
  return texts;
}

function classTable({ classes, scores, voc07 }: DetectionReport): Html {
  const headings = ["Objects", "Detections", "AP at 0.5", "AP 0.5 to 0.95", "VOC 2007", "Recall"];
  return table(
    [{ heading: "Class", kind: "name" }, ...headings.map((heading) => ({ heading, kind: "number" as const }))],
    classes.map((name, k) => {
      const { ap, ap50, recall, truths, detections } = scores.classes[k]!;
      const shares = [ap50, ap, voc07.classes[k]!.ap50, recall].map(formatPercent);
      return [name, formatNumber(truths), formatNumber(detections), ...shares];
    }),
  );
}

/** Of the classes with the most objects, as many as colours are told apart. */
function curves({ classes, scores, outcomes }: DetectionReport): Html {
  const chosen = [...classes.keys()]
    .filter((k) => scores.classes[k]!.truths > 0)
    .sort((a, b) => scores.classes[b]!.truths - scores.classes[a]!.truths)
    .slice(0, 4);
  return lineChart({
    lines: chosen.map((k) => {
      const { recall, envelope } = curve(outcomes[k]!, scores.classes[k]!.truths);
      return { name: classes[k]!, points: recall.map((r, i) => [r, envelope[i]!] as const) };
    }),
    x: "recall",
    y: "precision",
  });
}

function worstImages({ worst, drawnFrom }: DetectionReport): Html {
  if (worst.length === 0) return html`<p class="muted">None.</p>`;
  return html`<p class="muted">Left, yellow: the objects. Right, blue: what was found with a score of ${formatNumber(drawnFrom)} and more.</p>
${worst.map(
  ({ id, missed, wrong, png }) =>
    html`<figure><img src="${dataUri("image/png", png)}" alt="objects of ${id}, and what was found"><figcaption>${id}: ${missed} missed, ${wrong} found where there is none</figcaption></figure>`,
)}`;
}

function trainingSection({ settings, steps }: NonNullable<DetectionReport["training"]>): Html {
  return trainingSections({
    settings,
    steps,
    losses: {
      Loss: ({ loss }) => loss,
      "anchors: object or not": ({ rpnClass }) => rpnClass,
      "anchors: boxes": ({ rpnBox }) => rpnBox,
      "regions: classes": ({ headClass }) => headClass,
      "regions: boxes": ({ headBox }) => headBox,
    },
  });
}

import { formatCount, formatNumber, formatSeconds } from "../report/format.ts";
import { dataUri, type Html, html } from "../report/html.ts";
import { facts, keyFigures, leftOut, notes, page, section } from "../report/pieces.ts";
import {
  accuracyChart,
  bestAndLast,
  lossCharts,
  type MetricsRow,
  monitorCharts,
  namesIn,
  speedCharts,
} from "./report-charts.ts";
import { type Globe, globe } from "./report-globe.ts";

/** A picture and what to call it. */
export interface Shown {
  name: string;
  png: Uint8Array;
}

/** A place, and the places whose features point most nearly the same way. */
export interface Neighbours {
  query: Shown;
  nearest: readonly (Shown & { cosine: number })[];
}

/** A place beside its features as colours: "input", "HR", "fused" … */
export interface FeatureMaps {
  name: string;
  panels: readonly Shown[];
}

/** What `report.html` of a pre-training run shows. */
export interface PretrainReport {
  title: string;
  /** The exact command, ready to be pasted into a shell. */
  command: string;
  /** "skysense 0.1.0". */
  software: string;
  /** RFC 3339. */
  created: string;
  /** Of `metrics.jsonl`. */
  metrics: readonly MetricsRow[];
  /** Places in the list, and how many of them the pictures were drawn from. */
  places: { all: number; encoded: number };
  model: { name: string; parameters: number; sha256: string };
  neighbours: readonly Neighbours[];
  maps: readonly FeatureMaps[];
  /** Undefined: the model has no geo-context. */
  globe: Globe | undefined;
  settings: Readonly<Record<string, string>>;
  failures: readonly { id: string; reason: string }[];
  /** What the reader must not miss. */
  notes: readonly string[];
  /** Undefined: not known, as for a run in several parts. */
  seconds?: number | undefined;
}

/** The report as one HTML document that needs nothing else. All text is escaped. */
export function pretrainReport(report: PretrainReport): string {
  const { title, metrics, places, failures, neighbours, maps } = report;
  const accuracy = accuracyChart(metrics);
  return page({
    title,
    body: html`<p class="eyebrow">SkySense pre-training</p>
<h1>${title}</h1>
<p class="lead">${summary(report)}</p>
${keyFigures(figuresOf(report))}
${notes([...report.notes, ...(failures.length === 0 ? [] : [`${formatCount(failures.length, "place")} could not be read.`])])}
${accuracy && section("k-NN on labelled images during the run", accuracy)}
${section("Loss and its terms", lossCharts(metrics))}
${section("Monitors of collapse", monitorCharts(metrics))}
${section("Nearest neighbours", neighbourSheet(neighbours, places.encoded))}
${section("Features as colours", mapSheet(maps))}
${report.globe && section("Prototypes over the globe", globe(report.globe))}
${section("Course of the run", speedCharts(metrics))}
${section("Settings", facts(Object.entries(report.settings)))}
${section("Model", modelFacts(report))}
${leftOut(failures, "place")}
${section("Command", html`<pre><code>${report.command}</code></pre>`)}
<footer>${report.software} · ${report.created}</footer>`,
  });
}

function summary({ metrics, places }: PretrainReport): string {
  const steps = metrics.at(-1)?.step ?? 0;
  return `${formatCount(steps, "step")} over ${formatCount(places.all, "place")} without labels.`;
}

function figuresOf({ metrics, places, seconds }: PretrainReport): [string, string][] {
  const percent = (share: number) => `${formatNumber(Math.round(1000 * share) / 10)} %`;
  const loss = bestAndLast(metrics, "loss");
  const accuracies = namesIn(metrics).filter((name) => name.startsWith("evaluate."));
  const speeds = metrics.flatMap(({ samplesPerSecond }) => samplesPerSecond ?? []).sort((a, b) => a - b);
  const median = speeds[Math.floor(speeds.length / 2)];
  return [
    ["Places", formatNumber(places.all)],
    ["Steps", formatNumber(metrics.at(-1)?.step ?? 0)],
    ...(loss === undefined
      ? []
      : [["Loss at the end", formatNumber(Number(loss.last.toPrecision(3)))] as [string, string]]),
    ...accuracies.slice(0, 2).map((name): [string, string] => {
      const { last } = bestAndLast(metrics, name)!;
      return [`k-NN, ${name.split(".").at(-1)!}`, percent(last)];
    }),
    ...(median === undefined ? [] : [["Samples a second", formatNumber(median)] as [string, string]]),
    ...(seconds === undefined ? [] : [["Time", formatSeconds(seconds)] as [string, string]]),
  ];
}

const grid = (columns: string, gap = "10px") =>
  `display:grid;grid-template-columns:${columns};gap:${gap};align-items:start`;

/** A row a query: the query, a gap, its neighbours from near to far. */
function neighbourSheet(list: readonly Neighbours[], encoded: number): Html {
  if (list.length === 0) return html`<p class="muted">No place could be encoded.</p>`;
  const picture = ({ name, png }: Shown, caption: string, size = "13px") =>
    html`<figure style="margin:0" title="${name}"><img src="${dataUri("image/png", png)}" alt="${name}" style="aspect-ratio:1;object-fit:cover"><figcaption style="margin-top:3px;font-size:${size}">${caption}</figcaption></figure>`;
  const most = Math.max(...list.map(({ nearest }) => nearest.length));
  return html`<p>Left a place, then those of ${formatNumber(encoded)} places whose fused features, without geo-context, are nearest to it, with the cosine.</p>
<div class="scroll"><div style="min-width:640px">${list.map(
    ({ query, nearest }) =>
      html`<div style="${grid(`1fr 12px repeat(${most}, 1fr)`)};margin-top:14px">${picture(query, "")}<span></span>${nearest.map(
        (one) => picture(one, one.cosine.toFixed(3)),
      )}</div>`,
  )}</div></div>`;
}

function mapSheet(maps: readonly FeatureMaps[]): Html {
  if (maps.length === 0) return html`<p class="muted">No place could be encoded.</p>`;
  return html`<p>Beside each image its features, their first three principal components as red, green and blue, fitted once for all places of this report: alike colours are alike features. Aerial images without Sentinel ones beside them are enlarged to 256 pixels before they are encoded.</p>
<div style="${grid("repeat(auto-fill, minmax(min(100%, 500px), 1fr))", "26px 40px")}">${maps.map(
    ({ name, panels }) =>
      html`<figure style="margin:0" title="${name}"><div style="${grid(`repeat(${panels.length}, 1fr)`)}">${panels.map(
        (panel) =>
          html`<div><img src="${dataUri("image/png", panel.png)}" alt="${panel.name} of ${name}" style="width:100%"><figcaption style="margin-top:3px;font-size:13px">${panel.name}</figcaption></div>`,
      )}</div></figure>`,
  )}</div>`;
}

function modelFacts({ model }: PretrainReport): Html {
  return facts([
    ["Name", model.name],
    ["Parameters", formatNumber(model.parameters)],
    ["SHA-256", html`<code>${model.sha256}</code>`],
  ]);
}

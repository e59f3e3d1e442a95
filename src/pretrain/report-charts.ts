import { type Line, lineChart } from "../report/chart.ts";
import { formatNumber } from "../report/format.ts";
import { type Html, html } from "../report/html.ts";
import { thinned } from "../report/training.ts";
import { type MonitorName, monitorPrefix, monitorRanges } from "./watch.ts";

/** A line of `metrics.jsonl`; what was not measured at a step is missing. */
export type MetricsRow = Readonly<Record<string, number>> & { readonly step: number };

/** What single runs measure; the rest of a row is about speed. */
const evaluated = "evaluate.";
const alone = ["lr", "gradientNorm", "updateNorm", "samplesPerSecond"] as const;
const titles: Readonly<Record<string, string>> = {
  lr: "Learning rate",
  gradientNorm: "Gradient norm, before clipping",
  updateNorm: "Norm of the update",
  samplesPerSecond: "Samples a second",
  image: "Image level",
  object: "Object level",
  pixel: "Pixel level",
  align: "Alignment of sensors",
  masked: "Masked pixels",
};

/** The loss, and each of its terms by branch. */
export function lossCharts(rows: readonly MetricsRow[]): Html {
  const names = namesIn(rows).filter((name) => !name.startsWith(monitorPrefix) && !name.startsWith(evaluated));
  const terms = new Set(names.filter((name) => name.includes(".")).map(firstWord));
  return charts([
    chart("Loss", [line("loss", rows)]),
    ...[...terms].map((term) => chart(titles[term] ?? term, family(rows, names, `${term}.`))),
  ]);
}

/** What tells of a collapse, each with its healthy range. */
export function monitorCharts(rows: readonly MetricsRow[]): Html {
  const names = namesIn(rows);
  const found = (Object.keys(monitorRanges) as MonitorName[]).flatMap((monitor) => {
    const { meaning, healthy } = monitorRanges[monitor];
    const lines = family(rows, names, monitorPrefix, `.${monitor}`);
    if (lines.length === 0) return [];
    const range = `Healthy after the first steps: ${healthy.map(formatNumber).join(" to ")}.`;
    return [chart(`${meaning[0]!.toUpperCase()}${meaning.slice(1)}`, lines, range)];
  });
  return found.length === 0 ? html`<p class="muted">None were measured.</p>` : charts(found);
}

/** Accuracies on labelled images during the run; undefined where none were measured. */
export function accuracyChart(rows: readonly MetricsRow[]): Html | undefined {
  const lines = family(rows, namesIn(rows), evaluated).map((one) => ({
    ...one,
    points: one.points.map(([step, share]) => [step, 100 * share] as const),
  }));
  return lines.length === 0 ? undefined : lineChart({ lines, x: "step", y: "accuracy, %" });
}

/** How the run went as a computation. */
export function speedCharts(rows: readonly MetricsRow[]): Html {
  const names = namesIn(rows);
  return charts(alone.flatMap((name) => (names.includes(name) ? [chart(titles[name]!, [line(name, rows)])] : [])));
}

/** The last value that was measured, and the largest. */
export function bestAndLast(rows: readonly MetricsRow[], name: string): { best: number; last: number } | undefined {
  const values = rows.flatMap((row) => (row[name] === undefined ? [] : [row[name]]));
  return values.length === 0 ? undefined : { best: Math.max(...values), last: values.at(-1)! };
}

export function namesIn(rows: readonly MetricsRow[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** In the order of the charts' colours, so that each sensor has its own. */
const branchOrder = ["fused", "hr", "s1", "s2"];

const firstWord = (name: string) => name.split(".")[0]!;

/** Metrics that are alike in all but the branch: `prefix` branch `suffix`. */
function family(rows: readonly MetricsRow[], names: readonly string[], prefix: string, suffix = ""): Line[] {
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith(suffix))
    .map((name) => line(name, rows, name.slice(prefix.length, name.length - suffix.length).replace(/^knn\./, "")))
    .sort((a, b) => branchOrder.indexOf(a.name) - branchOrder.indexOf(b.name));
}

function line(metric: string, rows: readonly MetricsRow[], name = metric): Line {
  const known = rows.flatMap((row) => (row[metric] === undefined ? [] : [[row.step, row[metric]] as const]));
  return { name, points: thinned(known) };
}

function chart(title: string, lines: readonly Line[], remark?: string): Html {
  const single = lines.length === 1 && lines[0]!.name in titles;
  const drawn = lineChart({
    lines: single ? lines.map((one) => ({ ...one, name: title })) : lines,
    x: "step",
    y: title,
  });
  return html`<div><h3>${title}</h3>${remark && html`<p class="muted" style="margin:0;font-size:13px">${remark}</p>`}${drawn}</div>`;
}

function charts(list: readonly Html[]): Html {
  return html`<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:12px 40px">${list}</div>`;
}

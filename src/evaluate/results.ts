import { overSeeds } from "./bootstrap.ts";

/** One number with all that is needed to judge it. */
export interface ProbeResult {
  dataset: string;
  /** What made the vectors: a model and its part, or a floor. */
  features: string;
  /** "knn" and "linear" on frozen vectors, "dense linear" on those of cells; "fine-tuned full" or "fine-tuned linear". */
  protocol: string;
  /** "OA", "AA", "mF1", "kappa", "mAP micro", "mAP macro", "mIoU", "IoU water". */
  metric: string;
  /** 0 to 1. */
  value: number;
  /** 95 % bootstrap interval over the test items; of cells, over their places. */
  low: number;
  high: number;
  /** Items judged, items learnt from, classes. */
  n: number;
  train: number;
  classes: number;
  /** Of the draw, of random weights and filters, of the choice of C and of the bootstrap. */
  seed: number;
  /** Length of a vector, numbers in the model, images a second without reading; null: not measured. */
  dimensions: number;
  parameters: number;
  imagesPerSecond: number | null;
  /** Regularisation of the linear probe, and whether its fit converged. */
  C?: number;
  converged?: boolean;
  /** The command. */
  command: string;
  /** Same for the same data, features, protocol and seed: what is there already is not computed again. */
  run: string;
}

/** `rows` after `known`; where a run is in both, its rows are replaced. */
export function merged(known: readonly ProbeResult[], rows: readonly ProbeResult[]): ProbeResult[] {
  const runs = new Set(rows.map(({ run }) => run));
  return [...known.filter(({ run }) => !runs.has(run)), ...rows];
}

/** Aligned Markdown: a line for each data set, features, protocol and seed, and one for several seeds together. */
export function markdownTable(results: readonly ProbeResult[]): string {
  const metrics = [...new Set(results.map(({ metric }) => metric))];
  const head = [
    "data set",
    "features",
    "protocol",
    "seed",
    "train",
    "test",
    ...metrics,
    "size",
    "parameters",
    "images/s",
  ];
  const lines: string[][] = [];
  for (const setting of groups(results, ({ dataset, features, protocol, train }) => [
    dataset,
    features,
    protocol,
    train,
  ])) {
    const runs = groups(setting, ({ run }) => [run]);
    for (const run of runs) lines.push(line(run, metrics, `${run[0]!.seed}`, percent));
    if (runs.length > 1) lines.push(line(setting, metrics, "all", meanAndStd));
  }
  return aligned([head, ...lines]);
}

/** All rows and fields, for spreadsheets. */
export function csvTable(results: readonly ProbeResult[]): string {
  const fields = [...new Set(results.flatMap((row) => Object.keys(row)))] as (keyof ProbeResult)[];
  const cell = (value: unknown) => {
    const text = `${value ?? ""}`;
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[fields, ...results.map((row) => fields.map((field) => row[field]))].map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

function line(
  rows: readonly ProbeResult[],
  metrics: readonly string[],
  seed: string,
  show: (rows: readonly ProbeResult[]) => string,
): string[] {
  const { dataset, features, protocol, train, n, dimensions, parameters, imagesPerSecond } = rows[0]!;
  return [
    ...[dataset, features, protocol, seed, `${train}`, `${n}`],
    ...metrics.map((metric) => show(rows.filter((row) => row.metric === metric))),
    `${dimensions}`,
    parameters >= 1e6 ? `${(parameters / 1e6).toFixed(1)} M` : `${parameters}`,
    imagesPerSecond === null ? "" : String(Number(imagesPerSecond.toPrecision(2))),
  ];
}

/** "43.8 (37.1–50.5)"; kappa too is times 100. */
function percent([row]: readonly ProbeResult[]): string {
  if (row === undefined) return "";
  const [value, low, high] = [row.value, row.low, row.high].map((v) => (100 * v).toFixed(1));
  // Of one item there is no interval: NaN, which JSON keeps as null.
  return Number.isFinite(row.low) ? `${value} (${low}–${high})` : value!;
}

function meanAndStd(rows: readonly ProbeResult[]): string {
  if (rows.length === 0) return "";
  const { mean, std } = overSeeds(rows.map(({ value }) => 100 * value));
  return `${mean.toFixed(1)} ± ${std.toFixed(1)}`;
}

function groups<T>(items: readonly T[], key: (item: T) => readonly unknown[]): T[][] {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const name = JSON.stringify(key(item));
    found.set(name, [...(found.get(name) ?? []), item]);
  }
  return [...found.values()];
}

function aligned(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const text = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return `${[text(rows[0]!), rule, ...rows.slice(1).map(text)].join("\n")}\n`;
}

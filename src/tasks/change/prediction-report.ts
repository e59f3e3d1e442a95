import type { Grid } from "../../core/grid.ts";
import { formatNumber, formatPercent, formatSeconds } from "../../report/format.ts";
import { html } from "../../report/html.ts";
import { figure, keyFigures, notes, page } from "../../report/pieces.ts";
import { classLegend } from "../maps/class-legend.ts";
import type { MapClass } from "../maps/classes.ts";
import { runSection } from "../maps/prediction-report.ts";

/** What `report.html` of a map of change shows. */
export interface ChangeMapReport {
  before: readonly string[];
  after: readonly string[];
  dates: readonly (string | undefined)[];
  model: string;
  command: string;
  software: string;
  grid: Grid;
  classes: readonly MapClass[];
  area: { pixels: number; share: number; hectares: number | undefined };
  windows: { window: number; overlap: number };
  /** Before beside after. */
  images: Uint8Array;
  /** After beside the change. */
  png: Uint8Array;
  polygons: number;
  /** Pixels that a date does not show. */
  empty: number;
  files: readonly string[];
  warnings: readonly string[];
  seconds: number;
}

/** The report as one HTML document that needs nothing else. All text is escaped. */
export function changeMapReport(report: ChangeMapReport): string {
  const { before, after, dates, grid, area } = report;
  const title = differentEnds(before[0]!, after[0]!).join(" → ");
  const hectares = area.hectares;
  const days = dates.every((date) => date === undefined)
    ? undefined
    : dates.map((date) => date?.slice(0, 10) ?? "unknown").join(" → ");
  return page({
    title,
    body: html`<p class="eyebrow">SkySense change</p>
<h1>${title}</h1>
${keyFigures([
  ["Changed", formatPercent(area.share)],
  ["Changed area", hectares === undefined ? "not known" : `${formatNumber(Number(hectares.toPrecision(3)))} ha`],
  ["Polygons", String(report.polygons)],
  ["Pixels", `${grid.width} × ${grid.height}`],
  ["Time", formatSeconds(report.seconds)],
])}
${notes([...report.warnings, ...(hectares === undefined ? ["Without georeference there are no hectares, and polygons are in pixels."] : [])])}
${figure({ png: report.images, alt: "the image before beside the one after", caption: "Before and after." })}
${figure({ png: report.png, alt: "the image after beside the map of change", caption: html`After, and what changed. ${classLegend(report.classes)}` })}
${runSection(report, [
  ["Before", before.join(", ")],
  ["After", after.join(", ")],
  ["Dates", days],
])}
<footer>${report.software}</footer>`,
  });
}

/** Names of files, with as many folders as tell them apart: "A/1.png", "B/1.png". */
function differentEnds(...paths: [string, string]): string[] {
  const parts = paths.map((path) => path.split(/[\\/]/));
  const end = (count: number) => parts.map((own) => own.slice(-count).join("/"));
  const longest = Math.max(...parts.map((own) => own.length));
  const enough = Array.from({ length: longest }, (_, i) => i + 1).find((count) => end(count)[0] !== end(count)[1]);
  return end(enough ?? 1);
}

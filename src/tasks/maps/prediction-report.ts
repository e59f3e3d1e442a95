import type { Grid } from "../../core/grid.ts";
import { formatNumber, formatPercent, formatSeconds } from "../../report/format.ts";
import { html } from "../../report/html.ts";
import { facts, figure, keyFigures, notes, page, section, table } from "../../report/pieces.ts";
import { classLegend } from "./class-legend.ts";
import type { MapClass } from "./classes.ts";

/** What `report.html` of a map shows. */
export interface PredictionReport {
  /** Which task it is of: "segmentation". */
  task: string;
  image: string;
  model: string;
  command: string;
  software: string;
  grid: Grid;
  classes: readonly MapClass[];
  areas: readonly { name: string; pixels: number; share: number; hectares: number | undefined }[];
  /** The image beside its classes. */
  png: Uint8Array;
  polygons: number;
  /** Pixels without an image. */
  empty: number;
  windows: { window: number; overlap: number };
  files: readonly string[];
  warnings: readonly string[];
  seconds: number;
}

/** The report as one HTML document that needs nothing else. All text is escaped. */
export function predictionReport(report: PredictionReport): string {
  const { task, image, grid, classes, areas } = report;
  const hectares = areas.every((area) => area.hectares !== undefined)
    ? areas.reduce((sum, area) => sum + area.hectares!, 0)
    : undefined;
  const title = image.slice(image.lastIndexOf("/") + 1);
  return page({
    title,
    body: html`<p class="eyebrow">SkySense ${task}</p>
<h1>${title}</h1>
${keyFigures([
  ["Pixels", `${grid.width} × ${grid.height}`],
  ["Area", hectares === undefined ? "not known" : `${formatNumber(Number(hectares.toPrecision(3)))} ha`],
  ["Polygons", String(report.polygons)],
  ["Time", formatSeconds(report.seconds)],
])}
${notes([...report.warnings, ...(hectares === undefined ? ["Without georeference there are no hectares, and polygons are in pixels."] : [])])}
${figure({ png: report.png, alt: "the image beside its class map", caption: classLegend(classes) })}
${section(
  "Classes",
  table(
    [
      { heading: "Class", kind: "name" },
      { heading: "Share", kind: "number" },
      { heading: "Hectares", kind: "number" },
      { heading: "Pixels", kind: "number" },
    ],
    areas.map(({ name, share, hectares: area, pixels }) => [
      name,
      formatPercent(share),
      area === undefined ? "–" : formatNumber(Number(area.toPrecision(4))),
      String(pixels),
    ]),
  ),
)}
${runSection(report)}
<footer>${report.software}</footer>`,
  });
}

/** How a map was made, and by which command. `facts` stand before those that all maps have. */
export function runSection(
  report: Pick<PredictionReport, "model" | "grid" | "windows" | "empty" | "files" | "command">,
  own: Parameters<typeof facts>[0] = [],
) {
  const { model, grid, windows, empty, files, command } = report;
  return html`${section(
    "Run",
    facts([
      ...own,
      ["Model", model],
      ["CRS", grid.crs],
      ["Windows", `${windows.window} pixels, ${windows.overlap} shared`],
      ["Without image", empty === 0 ? undefined : `${empty} pixels`],
      ["Files", files.join(", ")],
    ]),
  )}
${section("Command", html`<pre><code>${command}</code></pre>`)}`;
}

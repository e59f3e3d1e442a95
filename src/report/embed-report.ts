import type { Location } from "../core/place.ts";
import { type Finding, findingsTable, sensorLabel } from "./findings.ts";
import {
  formatBytes,
  formatCount,
  formatDates,
  formatDegrees,
  formatDistance,
  formatLocation,
  formatNumber,
  formatSeconds,
} from "./format.ts";
import { type Html, html } from "./html.ts";
import { facts, figure, foldedList, keyFigures, notes, page, section, shares, table } from "./pieces.ts";
import { rangeBar } from "./range-bar.ts";
import { timeline } from "./timeline.ts";
import { type MapGeometry, worldMap } from "./world-map.ts";

/** Of the valid values of a band. */
export interface Statistics {
  min: number;
  mean: number;
  std: number;
  max: number;
}

export interface BandReport {
  name: string;
  /** As they stand in the file. */
  raw: Statistics;
  /** As the model sees them. */
  normalised: Statistics;
  /** Share of pixels that are not nodata, 0 to 1. */
  valid: number;
}

export interface SensorReport {
  /** "hr", "s2", "s1". */
  name: string;
  /** Paths or URLs as the user gave them. */
  files: readonly string[];
  /** Unit of the raw values. */
  unit: string;
  /** ISO 8601; undefined: not known. */
  dates: readonly (string | undefined)[];
  /** Metres on the ground a pixel; absent: no georeference. */
  gsdMetres?: number;
  /** How the sensor was recognised, what was assumed or corrected. */
  findings: readonly Finding[];
  bands: readonly BandReport[];
}

/** What `report.html` of a run of `embed` shows. */
export interface EmbedReport {
  title: string;
  /** The exact command, ready to be pasted into a shell. */
  command: string;
  /** RFC 3339. */
  created: string;
  /** "skysense 0.1.0". */
  software: string;
  preview: {
    png: Uint8Array;
    /** What is seen on the left: "aerial image", "Sentinel-2, 2023-05-17". */
    input: string;
    /** Share of the variance in each of the three components. */
    explained: readonly number[];
  };
  sensors: readonly SensorReport[];
  /** What was found out or assumed about the place as a whole. */
  findings: readonly Finding[];
  /** Absent: no georeference. */
  place?: {
    location: Location;
    geometry?: MapGeometry;
    crs: string;
    /** On the ground. */
    sizeMetres?: readonly [width: number, height: number];
  };
  model: {
    name: string;
    architecture: string;
    parameters: number;
    /** Of the weights, hexadecimal. */
    sha256: string;
    random: boolean;
    trainedOn?: string;
  };
  /** Length of a vector. */
  dimensions: number;
  /** Of the map of features. */
  cells: readonly [width: number, height: number];
  tiles: number;
  tilePixels: readonly [width: number, height: number];
  outputs: readonly { name: string; bytes: number; what: string }[];
  seconds: { reading: number; computing: number; writing: number };
  warnings: readonly string[];
}

/**
 * The report of a run as one HTML document that needs nothing else: pictures first, then what was used, where, the
 * numbers, and the command at the end. All text is escaped.
 */
export function embedReport(report: EmbedReport): string {
  const { title, preview, warnings, model } = report;
  const random = model.random
    ? [
        "The weights of this model are random: features show what its architecture alone gives, not what training learns.",
      ]
    : [];
  const findings = findingsTable(report.sensors, report.findings);
  return page({
    title,
    body: html`<p class="eyebrow">SkySense embeddings</p>
<h1>${title}</h1>
<p class="lead">${summary(report)}</p>
${figure({ png: preview.png, alt: `${preview.input}, beside its features as colours`, caption: caption(report) })}
${keyFigures([
  ["Map of features", `${report.cells.map(formatNumber).join(" × ")} cells`],
  ["Features", formatNumber(report.dimensions)],
  ["Tiles, a vector each", formatNumber(report.tiles)],
  ["Pixels of a tile", report.tilePixels.map(formatNumber).join(" × ")],
  ["Time in all", formatSeconds(total(report))],
])}
${notes([...random, ...warnings])}
${section("What was used", sensorTable(report), timeline(report.sensors))}
${section("Where", where(report))}
${section("Bands, as the files have them and as the model sees them", bandTable(report))}
${findings && section("How the files were understood", findings)}
${section("Model", modelFacts(report))}
${section("Outputs", outputTable(report))}
${section("Time", time(report))}
${section("Command", command(report))}
<footer>${report.software} · ${report.created}</footer>`,
  });
}

function summary({ sensors, tiles, dimensions }: EmbedReport): string {
  const seen = sensors.map(({ name, dates }) => `${name.toUpperCase()} (${formatDates(dates)})`);
  const list = seen.length > 1 ? `${seen.slice(0, -1).join(", ")} and ${seen.at(-1)}` : (seen[0] ?? "No sensor");
  return `${list}, as ${formatNumber(dimensions)} features a cell and ${formatCount(tiles, "vector")}.`;
}

function caption({ preview }: EmbedReport): string {
  const shares = preview.explained.map((share) => `${formatNumber(Math.round(1000 * share) / 10)}\u00a0%`);
  return `Left: ${preview.input}. Right: the first three principal components of the features as red, green and blue, fitted once for the whole scene; they hold ${shares.join(", ")} of the variance. Alike colours are alike features.`;
}

function sensorTable({ sensors }: EmbedReport): Html {
  return table(
    [
      { heading: "Sensor", kind: "name" },
      { heading: "Files", kind: "text" },
      { heading: "Bands", kind: "text" },
      { heading: "Unit", kind: "text" },
      { heading: "Pixel", kind: "number" },
    ],
    sensors.map(({ name, files, bands, unit, gsdMetres }) => [
      sensorLabel(name),
      foldedList(files, { noun: "files" }),
      bands.map((band) => band.name).join(" "),
      unit,
      gsdMetres === undefined ? "–" : formatDistance(gsdMetres),
    ]),
  );
}

function where({ place }: EmbedReport): Html {
  if (place === undefined) {
    return html`<p class="muted">The images have no georeference: positions in the outputs are pixels, counted from the upper-left corner.</p>`;
  }
  return html`<div class="map">${worldMap(place)}${facts([
    ["Centre", formatLocation(place.location)],
    ["Grid", place.crs],
    ["Extent", place.geometry && extent(place.geometry)],
    ["Size", place.sizeMetres?.map(formatDistance).join(" × ")],
  ])}</div>`;
}

function extent(geometry: MapGeometry): string {
  const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
  const [lon, lat] = [0, 1].map((axis) => rings.flat().map((position) => position[axis]!)) as [number[], number[]];
  const side = (values: number[]) => formatDegrees(Math.min(...values), Math.max(...values));
  return `longitude ${side(lon)}, latitude ${side(lat)}`;
}

function bandTable({ sensors }: EmbedReport): Html {
  const numbers = (group: string) =>
    ["min", "mean", "std", "max"].map((heading) => ({ heading, kind: "number", group }) as const);
  return table(
    [
      { heading: "Band", kind: "name" },
      { heading: "Valid", kind: "number" },
      ...numbers("As in the file"),
      ...numbers("Normalised"),
      { heading: "−4 to 4, mean ± std", kind: "bar", group: "Normalised" },
    ],
    sensors.flatMap((sensor) =>
      sensor.bands.map((band) => [
        sensorLabel(sensor.name, band.name),
        `${formatNumber(Math.round(1000 * band.valid) / 10)} %`,
        ...four(band.raw),
        ...four(band.normalised),
        rangeBar(band.normalised, { sensor: sensor.name }),
      ]),
    ),
  );
}

function four({ min, mean, std, max }: Statistics): string[] {
  return [min, mean, std, max].map((value) => formatNumber(Number(value.toPrecision(3))));
}

function modelFacts({ model }: EmbedReport): Html {
  return facts([
    ["Name", model.name],
    ["Architecture", model.architecture],
    ["Parameters", formatNumber(model.parameters)],
    ["Weights", model.random ? "random, never trained" : `trained${model.trainedOn ? ` on ${model.trainedOn}` : ""}`],
    ["SHA-256", html`<code>${model.sha256}</code>`],
  ]);
}

function outputTable({ outputs }: EmbedReport): Html {
  return table(
    [
      { heading: "File", kind: "name" },
      { heading: "What it holds", kind: "text" },
      { heading: "Size", kind: "number" },
    ],
    outputs.map(({ name, what, bytes }) => [
      html`<a href="./${encodeURIComponent(name)}">${name}</a>`,
      what,
      formatBytes(bytes),
    ]),
  );
}

function total({ seconds }: EmbedReport): number {
  return seconds.reading + seconds.computing + seconds.writing;
}

function time({ seconds }: EmbedReport): Html {
  return shares([
    { label: "Computing", value: seconds.computing, text: formatSeconds(seconds.computing) },
    { label: "Reading", value: seconds.reading, text: formatSeconds(seconds.reading) },
    { label: "Writing", value: seconds.writing, text: formatSeconds(seconds.writing) },
  ]);
}

/** Lines break between words, never within an option: browsers would part "--out" after its first hyphen. */
function command(report: EmbedReport): Html {
  const words = report.command.split(/(?<= )/);
  return html`<pre>${words.map((word) => (word.startsWith("-") ? html`<span class="flag">${word}</span>` : word))}</pre>`;
}

import type { SceneDescribed, SensorDescribed } from "./describe.ts";
import { decisionLine, groupDecisions } from "./group-decisions.ts";

const lineWidth = 100;

/** The description as text for a terminal, at most 100 columns wide but for file names that are longer. */
export function formatDescription({
  grid,
  hrPixelsPerCell,
  location,
  sampledCells,
  sensors,
  decisions,
  warnings,
}: SceneDescribed): string {
  const hr = sensors.some(({ sensor }) => sensor === "hr");
  const lines = [
    `Scene: ${grid.width} × ${grid.height} cells${hr ? ` of ${hrPixelsPerCell} × ${hrPixelsPerCell} HR pixels` : ""}`,
    ...wrap("  ", `grid: ${grid.crs === undefined ? "pixel coordinates, no georeference" : shortCrs(grid.crs)}`),
  ];
  if (location !== undefined) {
    lines.push(`  centre: ${location.longitude.toFixed(5)}, ${location.latitude.toFixed(5)} (longitude, latitude)`);
  }
  lines.push(`  statistics from ${sampledCells} of ${grid.width * grid.height} cells`);
  for (const sensor of sensors) lines.push("", ...sensorLines(sensor));
  lines.push("", "How this is known");
  for (const decision of groupDecisions(decisions)) lines.push(...wrap("  ", decisionLine(decision)));
  if (warnings.length > 0) lines.push("", "Warnings", ...warnings.flatMap((text) => wrap("  ", text)));
  return `${lines.join("\n")}\n`;
}

function sensorLines(s: SensorDescribed): string[] {
  const gsd = s.gsdMetres === undefined ? "" : `, ${Number(s.gsdMetres.toPrecision(3))} m`;
  const [width, height] = s.size;
  const units =
    s.units.files === s.units.stack ? s.units.stack : `${s.units.files} in the files, ${s.units.stack} to the model`;
  return [
    `${s.sensor.toUpperCase()} — ${s.title}${gsd}`,
    ...wrap(
      "  ",
      `files: ${s.files.length > 4 ? `${s.files.slice(0, 3).join(", ")} and ${s.files.length - 3} more` : s.files.join(", ")}`,
    ),
    ...wrap("  ", `dates: ${dateText(s.dates)}`),
    ...wrap(
      "  ",
      `stack: ${s.dates.length} × ${s.bands.length} × ${height} × ${width} (dates, bands, rows, columns)`,
    ),
    ...wrap("  ", `units: ${units}`),
    `  masked: ${(100 * s.masked).toFixed(1)} %`,
    "",
    ...table([
      ["band", "nm", "min", "mean", "max", "std", "", "min", "mean", "max", "std"],
      ...s.bands.map(({ name, wavelengthNm: [nm], raw, normalised }) => [
        name,
        nm > 1e6 ? "C band" : nm.toFixed(0),
        ...[raw.min, raw.mean, raw.max, raw.std].map(number),
        "",
        ...[normalised.min, normalised.mean, normalised.max, normalised.std].map((v) => v.toFixed(2)),
      ]),
    ]),
  ];
}

/** Raw values stand left, what the model sees right. */
function table(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length), c === 6 ? 2 : 0));
  const text = rows.map(
    (row) => `  ${row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join("  ")}`,
  );
  const left = 2 + widths.slice(0, 2).reduce((sum, w) => sum + w + 2, 0);
  const right = left + widths.slice(2, 7).reduce((sum, w) => sum + w + 2, 0);
  return [`${" ".repeat(left)}${"in the files".padEnd(right - left)}after normalisation`, ...text].map((line) =>
    line.trimEnd(),
  );
}

function number(value: number): string {
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 1 || size === 0 ? value.toFixed(2) : value.toPrecision(3);
}

function dateText(dates: readonly (string | undefined)[]): string {
  const known = dates.filter((date) => date !== undefined);
  if (known.length === 0) return dates.length === 1 ? "unknown" : `${dates.length}, unknown`;
  if (dates.length <= 6) return dates.map((date) => date ?? "unknown").join(", ");
  return `${dates.length}, from ${known[0]} to ${known.at(-1)}`;
}

function wrap(indent: string, text: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.trim() !== "" && line.length + 1 + word.length > lineWidth) {
      lines.push(line);
      line = `${indent}  ${word}`;
    } else line += `${line.trim() === "" ? "" : " "}${word}`;
  }
  return [...lines, line];
}

function shortCrs(crs: string): string {
  return /^EPSG:/i.test(crs) ? crs : (/^\w+\["([^"]+)"/.exec(crs)?.[1] ?? crs);
}

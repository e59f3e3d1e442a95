import { SkySenseError } from "../../core/error.ts";
import type { Grid } from "../../core/grid.ts";
import type { Raster, RasterBand } from "../raster.ts";
import { checkOrder } from "../sensor/band-order.ts";
import { dayOf } from "../sensor/dates.ts";
import { type FileDescription, merge, refusal, type Said } from "../sensor/description.ts";
import { type FileFacts, type FileKind, identifyBands, identifySensor } from "../sensor/identify.ts";
import { type Layout, layOut } from "../sensor/layout.ts";
import { profiles } from "../sensor/profiles.ts";
import { type BandStatistics, statistics } from "../sensor/statistics.ts";
import { convert } from "../sensor/unit-names.ts";
import { decideUnits } from "../sensor/units.ts";
import type { Emptiness, Layer } from "./layer.ts";
import { sampleRaw } from "./sample.ts";
import type { Decision } from "./scene.ts";

/** One description and who gave it; options come with the sensor that they are for. */
export interface DescriptionSource {
  description: FileDescription;
  from: string;
}

export interface FileSources {
  /** Option `sensor`, then descriptions, in order of precedence. */
  sources: readonly DescriptionSource[];
  /** Options per sensor, which come before `sources` once the sensor is known. */
  options: { hr?: FileDescription; s2?: FileDescription; s1?: FileDescription };
}

/** A file of images, understood, and how. */
export interface InspectedFile {
  kind: "images";
  layer: Layer;
  units: string;
  /** "unknown" was said of its dates, so that several undated images are meant. */
  undated: boolean;
  raw: Record<string, BandStatistics>;
  /** Per sampled date the first percentile of the darkest band, in the sensor's unit. */
  darkest: { date: string | undefined; value: number }[];
  /** Somebody said whether and which offset the numbers have. */
  offsetStated: boolean;
  decisions: Decision[];
  warnings: string[];
}

/** Scene classes of sen2cor: they are not model input, but tell how cloudy a date is. */
export interface InspectedClasses {
  kind: "classes";
  raster: Raster;
  layout: Layout;
  decisions: Decision[];
}

/** Dates whose bands are looked at: enough for statistics, bounded for long series. */
const sampledDates = 24;

/**
 * Find out what a file holds: sensor, bands, dates, units and nodata, from what is said of it, from the file and from
 * its values.
 *
 * @throws SkySenseError `SENSOR_UNKNOWN` | `TWO_SENSORS` | `BAD_BOUNDS` | `BANDS_UNKNOWN` | `UNKNOWN_BAND` | `BAND_COUNT` | `BANDS_RAGGED` |
 *   `DATES_MISSING` | `DATE_COUNT` | `BAD_DATE` | `UNITS_*` | `OFFSET_NOT_APPLIED` | `BAND_ORDER` | `ALL_NODATA`
 */
export async function inspectFile(
  raster: Raster,
  { sources, options }: FileSources,
  signal?: AbortSignal,
): Promise<InspectedFile | InspectedClasses> {
  const first = Array.from({ length: Math.min(13, raster.bands.length) }, (_, i) => i);
  const whole = { raster, layout: { dates: [], slots: [] }, emptiness: emptinessOf(raster, undefined, "hr", []) };
  const facts: FileFacts = {
    path: raster.path,
    driver: raster.driver,
    type: raster.bands[0]!.type,
    names: raster.bands.map(({ name }) => name),
    colours: raster.bands.map(({ colour }) => colour),
    metadata: raster.metadata,
    columns: await sampleRaw(whole, { bands: first, signal }),
  };
  const given = (["hr", "s2", "s1"] as const).filter((sensor) => options[sensor] !== undefined);
  const kind = identifySensor(facts, merge(sources), given.length === 1 ? given[0] : undefined);
  const decisions: Decision[] = [];
  const decide = (what: string, from: string) => decisions.push({ file: raster.path, what, from });
  decide(`sensor ${kind.value}`, kind.from);
  if (kind.value === "scl") {
    const bands = { value: ["SCL"], from: "scene classes" };
    const layout = layOut(facts, "scl", bands, { ...merge(sources), bands });
    decide(datesText(layout.value.dates), layout.from);
    return { kind: "classes", raster, layout: layout.value, decisions };
  }
  const sensor = kind.value;
  const option = options[sensor];
  const said = merge([
    ...(option === undefined ? [] : [{ description: option, from: `option ${sensor}` }]),
    ...sources,
  ]);
  const bands = identifyBands(sensor, facts, said);
  const layout = layOut(facts, kind.value, bands, said);
  const names = [...new Set(layout.value.slots.map(({ band }) => band))];
  decide(`bands ${names.join(", ")}`, bands.from);
  decide(datesText(layout.value.dates), layout.from);
  return inspectValues({ raster, kind: sensor, layout: layout.value, names, said, decisions, signal });
}

interface Found {
  raster: Raster;
  kind: Exclude<FileKind, "scl">;
  layout: Layout;
  names: readonly string[];
  said: Said;
  decisions: Decision[];
  signal?: AbortSignal;
}

async function inspectValues({
  raster,
  kind,
  layout,
  names,
  said,
  decisions,
  signal,
}: Found): Promise<InspectedFile> {
  const emptiness = emptinessOf(raster, said.nodata?.value, kind, layout.slots);
  const warnings: string[] = [];
  const decide = (what: string, from: string) => decisions.push({ file: raster.path, what, from });
  decide(...nodataText(emptiness, said));

  const step = Math.max(1, layout.dates.length / sampledDates);
  const picked = new Set([...layout.dates.keys()].filter((t) => Math.floor(t / step) !== Math.floor((t - 1) / step)));
  const slots = layout.slots.filter(({ date }) => picked.has(date));
  const columns = await sampleRaw({ raster, layout, emptiness }, { bands: slots.map(({ index }) => index), signal });
  const perBand = new Map(names.map((name) => [name, concat(columns.filter((_, i) => slots[i]!.band === name))]));
  const raw = Object.fromEntries([...perBand].map(([name, values]) => [name, statistics(values)]));
  const all = statistics(concat([...perBand.values()]));
  if (all.valid === 0) {
    throw new SkySenseError({
      code: "ALL_NODATA",
      what: "no pixel of this file is valid",
      where: raster.path,
      remedy: "Leave it out, or give its true nodata value in a description.",
    });
  }

  const band = raster.bands[layout.slots[0]!.index]!;
  const file = fileUnits(band, raster);
  const verdict = decideUnits(
    kind,
    {
      units: said.units?.value,
      scale: said.scale?.value,
      offset: said.offset?.value,
      check: said.check?.value,
      file,
    },
    { all, type: band.type },
  );
  if (!verdict.ok) throw refusal({ ...verdict, where: raster.path, sensor: kind });
  const given = [said.units, said.scale, said.offset].find((field) => field !== undefined)?.from;
  decide(`units ${verdict.units}`, given === undefined ? verdict.from : `${verdict.from} (${given})`);

  if (said.check?.value !== false) {
    const values = names.map((name) => perBand.get(name)!.map((v) => convert(verdict.conversion, v)));
    const order = checkOrder(kind, names, values);
    const percent = Math.round(100 * order.fit);
    if (order.verdict === "wrong") {
      const { better } = order;
      const fits = Math.round(100 * better!.fit);
      throw refusal({
        code: "BAND_ORDER",
        what:
          `the bands seem to stand in another order than ${names.join(", ")}: of ${order.pixels} telling pixels ` +
          `${percent} % look like that and ${fits} % like ${better!.bands.join(", ")}`,
        where: raster.path,
        sensor: kind,
        fields: { bands: better!.order ?? better!.bands },
        alternative: '"check": false if the names are right all the same',
      });
    }
    if (order.verdict === "right")
      decide("order of bands plausible", `${percent} % of ${order.pixels} telling pixels`);
    if (order.verdict === "unlike") {
      warnings.push(
        `${raster.path}: only ${percent} % of ${order.pixels} pixels look like its bands; check their order`,
      );
    }
  }
  if (kind === "hr" && raw.R !== undefined && emptiness.nodata.every((n) => n === undefined) && !emptiness.fileMask) {
    const black = blackShare(columns);
    if (black > 0.05) {
      warnings.push(
        `${raster.path}: ${Math.round(100 * black)} % of the pixels are black in all bands; if that means no data, ` +
          `write "nodata": 0`,
      );
    }
  }
  const grid = groundGrid(raster, said);
  if (said.crs !== undefined) decide(`crs ${said.crs.value}`, said.crs.from);
  if (said.bounds !== undefined) decide(`bounds ${said.bounds.value.join(", ")}`, said.bounds.from);
  return {
    kind: "images",
    layer: { raster, sensor: kind, grid, layout, emptiness, conversion: verdict.conversion },
    units: verdict.units,
    undated: said.dates?.value === "unknown",
    raw,
    darkest: [...picked].map((t) => ({
      date: layout.dates[t],
      value: convert(
        verdict.conversion,
        Math.min(...columns.filter((_, i) => slots[i]!.date === t).map((column) => statistics(column).p1)),
      ),
    })),
    offsetStated: [said.offset, said.scale, file.offset].some((stated) => stated !== undefined),
    decisions,
    warnings,
  };
}

function emptinessOf(
  raster: Raster,
  said: number | undefined,
  sensor: Exclude<FileKind, "scl">,
  slots: Layout["slots"],
): Emptiness {
  const nodata = raster.bands.map((band) => said ?? band.nodata);
  const known = nodata.some((value) => value !== undefined);
  const alphaIsData = slots.some(({ index }) => raster.bands[index]!.colour === "alpha");
  return {
    nodata,
    rule: sensor === "hr" ? "all" : "any",
    emptyValue: known ? undefined : profiles[sensor].emptyValue,
    fileMask: !known && !alphaIsData && raster.readMask !== undefined,
  };
}

function nodataText({ nodata, emptyValue, fileMask }: Emptiness, said: Said): [what: string, from: string] {
  const value = nodata.find((v) => v !== undefined);
  if (said.nodata !== undefined) return [`nodata ${said.nodata.value}`, said.nodata.from];
  if (value !== undefined) return [`nodata ${value}`, "the file"];
  const none = emptyValue === undefined ? "" : `${emptyValue} in all bands`;
  if (fileMask) return [`nodata by the file's mask${none === "" ? "" : `, and ${none}`}`, "the file"];
  return none === ""
    ? ["no nodata", "the file names none"]
    : [`nodata: ${none}`, "custom of the sensor; the file names none"];
}

function fileUnits(band: RasterBand, raster: Raster): { scale?: number; offset?: number; unit?: string } {
  const named = /db$/i.test(band.name ?? "") ? "dB" : undefined;
  const addOffset = [band.metadata, raster.metadata]
    .flatMap((items) => Object.entries(items))
    .find(([key]) => /^(BOA|RADIO)_ADD_OFFSET$/i.test(key))?.[1];
  // sen2cor's numbers: reflectance = (value + offset) / 10000.
  if (addOffset !== undefined && band.scale === undefined && Number.isFinite(Number(addOffset))) {
    return { scale: 1e-4, offset: Number(addOffset) * 1e-4, unit: band.unit };
  }
  return { scale: band.scale, offset: band.offset, unit: band.unit || named };
}

function datesText(dates: readonly (string | undefined)[]): string {
  const known = dates.filter((date) => date !== undefined).sort();
  if (known.length === 0) return dates.length === 1 ? "date unknown" : `${dates.length} dates, unknown`;
  return known.length === 1
    ? `date ${known[0]}`
    : `${known.length} dates ${dayOf(known[0]!)} … ${dayOf(known.at(-1)!)}`;
}

function blackShare(columns: readonly Float32Array[]): number {
  const count = columns[0]!.length;
  let black = 0;
  for (let p = 0; p < count; p++) if (columns.every((column) => column[p] === 0)) black++;
  return black / count;
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The grid with the CRS and the bounds that were said, where they were. */
function groundGrid({ grid, path }: Raster, { crs, bounds }: Said): Grid {
  const placed = crs === undefined ? grid : { ...grid, crs: crs.value };
  if (bounds === undefined) return placed;
  const [west, south, east, north] = bounds.value;
  if (placed.crs === undefined || !(west < east) || !(south < north)) {
    throw new SkySenseError({
      code: "BAD_BOUNDS",
      what:
        placed.crs === undefined
          ? "the bounds are in no coordinate reference system"
          : `the bounds ${bounds.value.join(", ")} enclose nothing`,
      where: path,
      remedy: 'Give "bounds": [west, south, east, north] together with "crs": "EPSG:4326" or another.',
    });
  }
  const [dx, dy] = [(east - west) / grid.width, (north - south) / grid.height];
  return { ...placed, transform: [dx, 0, west, 0, -dy, north] };
}

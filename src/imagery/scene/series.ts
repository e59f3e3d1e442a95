import { SkySenseError } from "../../core/error.ts";
import type { SensorName } from "../../core/place.ts";
import { dayOf } from "../sensor/dates.ts";
import { refusal } from "../sensor/description.ts";
import { modelBands } from "../sensor/profiles.ts";
import type { InspectedFile } from "./inspect-file.ts";
import type { Layer } from "./layer.ts";

/** One image: where each of its bands comes from. */
export interface Frame {
  date: string | undefined;
  bands: ReadonlyMap<string, { layer: Layer; index: number }>;
}

/** The images of one sensor, ascending by date, all with the same bands. */
export interface Series {
  sensor: SensorName;
  files: readonly InspectedFile[];
  /** In the model's order. */
  bands: readonly string[];
  frames: readonly Frame[];
  notes: { decisions: { what: string; from: string }[]; warnings: string[] };
}

interface Part extends Frame {
  undated: boolean;
  bands: Map<string, { layer: Layer; index: number }>;
}

/**
 * Join files of one sensor: complementary bands of one date become one image, further dates a longer series.
 *
 * @param keep  bands to use; default: all that the model takes
 * @throws SkySenseError `DATES_MISSING` | `BANDS_RAGGED` | `UNKNOWN_BAND`
 */
export function joinSeries(sensor: SensorName, files: readonly InspectedFile[], keep?: readonly string[]): Series {
  const model = modelBands(sensor);
  const wanted = keep ?? model;
  const notes: Series["notes"] = { decisions: [], warnings: [] };
  const parts = files.flatMap((file) => partsOf(file, wanted));
  const unused = new Set(files.flatMap(({ layer }) => layer.layout.slots.map(({ band }) => band)));
  for (const band of wanted) unused.delete(band);
  if (unused.size > 0) {
    const why = keep === undefined ? "the model does not take them" : `only ${keep.join(", ")} are to be used`;
    notes.decisions.push({ what: `${sensor} bands ${[...unused].sort().join(", ")} left out`, from: why });
  }
  const frames = joinDays(joinSame(parts));
  frames.sort((a, b) => (a.date ?? "~").localeCompare(b.date ?? "~"));

  const undated = frames.filter(({ date, undated }) => date === undefined && !undated);
  if (frames.length > 1 && undated.length > 0) {
    const file = pathOf(undated[0]!);
    throw refusal({
      code: "DATES_MISSING",
      what: `there are ${frames.length} images of ${sensor}, and this one has no date`,
      where: file,
      sensor,
      fields: { dates: "2020-01-03" },
      alternative: '"unknown" if nobody knows it',
    });
  }
  const bands = model.filter((band) => frames.some((frame) => frame.bands.has(band)));
  const missing = keep?.find((band) => !bands.includes(band));
  if (bands.length === 0 || missing !== undefined) {
    throw new SkySenseError({
      code: "UNKNOWN_BAND",
      what:
        missing === undefined ? `no band that the model takes of ${sensor}` : `${sensor} has no band ${missing} here`,
      where: files[0]!.layer.raster.path,
      remedy: `The model takes ${model.join(", ")}.`,
    });
  }
  for (const frame of frames) {
    const lacking = bands.filter((band) => !frame.bands.has(band));
    if (lacking.length > 0) {
      throw new SkySenseError({
        code: "BANDS_RAGGED",
        what: `${sensor} has no ${lacking.join(", ")} on ${frame.date ?? "the undated image"}, but on other dates`,
        where: pathOf(frame),
        remedy: "Add the missing file, or leave this date out.",
      });
    }
  }
  for (const [i, frame] of frames.entries()) {
    if (i > 0 && frame.date !== undefined && frame.date === frames[i - 1]!.date) {
      notes.warnings.push(
        `${sensor}: two images of ${frame.date} (${pathOf(frames[i - 1]!)}, ${pathOf(frame)}), both kept`,
      );
    }
  }
  return { sensor, files, bands, frames, notes };
}

/**
 * Join files of one sensor that are known to be of one moment each, in this order, whatever their dates.
 *
 * @throws SkySenseError `SEVERAL_DATES` | `BANDS_RAGGED` | `MOMENT_MISSING` and those of {@link joinSeries}
 */
export function joinMoments(
  moments: readonly (readonly InspectedFile[])[],
  { sensor, keep }: { sensor: SensorName; keep?: readonly string[] | undefined },
): Series {
  const own = moments.map((files, m) => {
    if (files.length === 0) {
      const other = moments.find((some) => some.length > 0)![0]!;
      throw new SkySenseError({
        code: "MOMENT_MISSING",
        what: `there is an image of ${sensor} of one date, but none of the ${m === 0 ? "first" : "other"}`,
        where: other.layer.raster.path,
        remedy: "Give images of the same sensor for all dates.",
      });
    }
    const series = joinSeries(sensor, files, keep);
    if (series.frames.length > 1) {
      throw new SkySenseError({
        code: "SEVERAL_DATES",
        what: `here is one image expected, but the files hold ${series.frames.length} dates`,
        where: files[0]!.layer.raster.path,
        remedy: "Give one date before and one after, a file for each.",
      });
    }
    return series;
  });
  const bands = own[0]!.bands;
  const other = own.find((series) => series.bands.join() !== bands.join());
  if (other !== undefined) {
    throw new SkySenseError({
      code: "BANDS_RAGGED",
      what: `one date has the ${sensor} bands ${bands.join(", ")}, the other ${other.bands.join(", ")}`,
      where: pathOf(other.frames[0]!),
      remedy: "Give the same bands for all dates.",
    });
  }
  const frames = own.map((series) => series.frames[0]!);
  const decisions = uniqueBy(
    own.flatMap(({ notes }) => notes.decisions),
    ({ what }) => what,
  );
  const warnings = own.flatMap(({ notes }) => notes.warnings);
  for (const [m, { date }] of frames.entries()) {
    const before = frames[m - 1]?.date;
    if (date !== undefined && before !== undefined && date < before) {
      warnings.push(`${pathOf(frames[m]!)} is given as the later image, but is dated ${date}, before ${before}`);
    }
  }
  return { sensor, files: moments.flat(), bands, frames, notes: { decisions, warnings } };
}

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}

function partsOf({ layer, undated }: InspectedFile, wanted: readonly string[]): Part[] {
  return layer.layout.dates.map((date, t) => ({
    date,
    undated,
    bands: new Map(
      layer.layout.slots
        .filter((slot) => slot.date === t && wanted.includes(slot.band))
        .map(({ band, index }) => [band, { layer, index }]),
    ),
  }));
}

/** Same time, no band twice: one image. Undated parts join in the order in which they come. */
function joinSame(parts: readonly Part[]): Part[] {
  const frames: Part[] = [];
  for (const part of parts) {
    const partner =
      part.bands.size === 0 ? undefined : frames.find((frame) => frame.date === part.date && fits(frame, part));
    if (partner === undefined) {
      if (part.bands.size > 0) frames.push(part);
    } else {
      for (const [band, source] of part.bands) partner.bands.set(band, source);
    }
  }
  return frames;
}

/** What is still without a partner joins the only other part of its day: 10 m and 20 m bands timed a second apart. */
function joinDays(frames: readonly Part[]): Part[] {
  const out: Part[] = [];
  for (const frame of frames) {
    const partners = out.filter(
      ({ date, ...other }) =>
        date !== undefined && frame.date !== undefined && dayOf(date) === dayOf(frame.date) && fits(other, frame),
    );
    if (partners.length === 1) for (const [band, source] of frame.bands) partners[0]!.bands.set(band, source);
    else out.push(frame);
  }
  return out;
}

function fits(a: Pick<Part, "bands">, b: Pick<Part, "bands">): boolean {
  const layers = new Set([...a.bands.values()].map(({ layer }) => layer));
  return [...b.bands].every(([band, { layer }]) => !a.bands.has(band) && !layers.has(layer));
}

function pathOf(frame: Frame): string {
  return [...frame.bands.values()][0]!.layer.raster.path;
}

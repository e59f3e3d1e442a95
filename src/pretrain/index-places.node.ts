import { stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import { SkySenseError } from "../core/error.ts";
import type { LongCall } from "../core/progress.ts";
import { unreadable } from "../core/read-file.node.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import type { Candidate } from "../evaluate/index-recipes.ts";
import type { PlaceLine } from "../evaluate/place-line.ts";
import { findInFiles, walk } from "./index-folder.node.ts";
import { type Found, type FoundPlace, joinSurveys, nothing } from "./index-found.ts";
import { findInSet } from "./index-sets.node.ts";
import { type IndexSummary, summarise } from "./index-summary.ts";
import { mapDescribed, surveyPlace } from "./index-survey.node.ts";

export interface IndexOptions extends LongCall {
  /** The list to write: JSON Lines, see `readPlaceList`. */
  out: string;
  /** Scenes are cut into patches of about so many pixels a side where HR is alone. Default 128. */
  patch?: number;
  /** The same in Sentinel pixels, for places with Sentinel images. Default 64. */
  patchCells?: number;
  /** At most that many dates a sensor, evenly chosen. Default 24. */
  maxDates?: number;
  /** What files do not say themselves that no index describes. */
  options?: Candidate["options"];
}

/** NASA's picture of the whole Earth, as the package three-globe has it, does not say where its edges are. */
const knownPictures: Readonly<Record<string, Candidate["options"]>> = {
  "earth-blue-marble.jpg": { hr: { crs: "EPSG:4326", bounds: [-180, -90, 180, 90] } },
};

/**
 * Write a list of places to learn from: the images of data sets without their labels, and the images in folders.
 *
 * @param paths  folders and files. A folder with an `index.json` is a data set; see `findInSet` and `findInFiles`
 * @throws SkySenseError `FILE_UNREADABLE` | `BAD_INDEX` | `NO_PLACES` | `DISK_FULL` | `NOT_WRITABLE`
 */
export async function indexPlaces(paths: readonly string[], options: IndexOptions): Promise<IndexSummary> {
  const { out, patch = 128, patchCells = 64, maxDates = 24, signal, onProgress } = options;
  const found: Found = { places: [], heldOut: 0, skipped: [] };
  for (const path of paths) {
    const one = await find(path, options);
    found.places.push(...one.places);
    found.skipped.push(...one.skipped);
    found.heldOut += one.heldOut;
  }
  const surveys = [{ ...nothing(), skipped: found.skipped }];
  for (const [i, place] of found.places.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ phase: "open", done: i, total: found.places.length, unit: "places" });
    surveys.push(await surveyPlace(place, { patch, patchCells, maxDates, signal }));
  }
  const survey = joinSurveys(surveys);
  if (survey.places.length === 0) throw noPlaces(paths, survey.skipped[0]);
  const folder = dirname(resolve(out));
  const lines = survey.places.map(({ line }) => `${JSON.stringify(fromFolder(line, folder))}\n`);
  await writeAtomic(out, lines.join(""), { ...(signal && { signal }) });
  return summarise(survey, found.heldOut);
}

async function find(path: string, { options, signal, onProgress }: IndexOptions): Promise<Found> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (stats.isFile()) {
    const known = options ?? knownPictures[basename(path)];
    const place: FoundPlace = { id: basename(path), files: [basename(path)], folder: dirname(path) };
    return { places: [{ ...place, ...(known && { options: known }) }], heldOut: 0, skipped: [] };
  }
  const { sets, files } = await walk(path);
  const looking = { ...(options && { options }), ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const all = [await findInFiles(path, files, looking)];
  for (const set of sets) all.push(await findInSet(set));
  return {
    places: all.flatMap(({ places }) => places),
    heldOut: all.reduce((sum, { heldOut }) => sum + heldOut, 0),
    skipped: all.flatMap(({ skipped }) => skipped),
  };
}

/** Files below the list's folder are named from there, so that both can be moved together. */
function fromFolder({ files, describe, ...line }: PlaceLine, folder: string): PlaceLine {
  const name = (file: string) => {
    const below = relative(folder, file);
    return below.startsWith("..") || isAbsolute(below) ? file : below.replaceAll("\\", "/");
  };
  const { id, sensors, ...rest } = line;
  return {
    ...(id !== undefined && { id }),
    ...(sensors !== undefined && { sensors }),
    files: files.map(name),
    ...(describe !== undefined && { describe: mapDescribed(describe, name) }),
    ...rest,
  };
}

function noPlaces(paths: readonly string[], first: { id: string; reason: string } | undefined): SkySenseError {
  return new SkySenseError({
    code: "NO_PLACES",
    what: first === undefined ? "there is no image" : `no image can be used; ${first.id}: ${first.reason}`,
    where: paths.join(", "),
    remedy: "Give folders with images, or data sets with an index.json.",
  });
}

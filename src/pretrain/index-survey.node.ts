import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { SkySenseError } from "../core/error.ts";
import type { Window } from "../core/grid.ts";
import type { Place } from "../core/place.ts";
import type { PlaceLine } from "../evaluate/place-line.ts";
import { parsePlaceLine } from "../evaluate/place-list.node.ts";
import type { PlaceFiles } from "../imagery/scene/place-files.node.ts";
import { readPlaceSource } from "../imagery/scene/place-source.node.ts";
import { readPatch, withSceneOf } from "../imagery/scene/read-scene.node.ts";
import type { SceneSensor } from "../imagery/scene/scene.ts";
import { cutIntoPatches } from "./index-cut.ts";
import { reasonOf } from "./index-folder.node.ts";
import {
  type FoundPlace,
  joinSurveys,
  nothing,
  type SensorDates,
  type Survey,
  type SurveyedPlace,
} from "./index-found.ts";
import { worthlessness } from "./index-worth.ts";

export interface SurveyOptions {
  /** Side of a patch where HR is alone, pixels. */
  patch: number;
  /** Side of a patch where there are Sentinel images, in their pixels. */
  patchCells: number;
  /** At most that many dates a sensor. */
  maxDates: number;
  signal?: AbortSignal | undefined;
}

/** A picture of which nothing is said, so small that it is sooner decoded than opened as a scene. */
async function isSmallPicture({ files, options }: PlaceFiles): Promise<boolean> {
  if (files.length !== 1 || options !== undefined || !/\.(jpe?g|png|webp)$/i.test(files[0]!)) return false;
  const size = await stat(files[0]!).then(
    (stats) => stats.size,
    () => 0,
  );
  return size < 2 ** 21;
}

/** Open the images of a place, and cut it into patches where it is large. What cannot be opened is skipped, named. */
export async function surveyPlace(place: FoundPlace, options: SurveyOptions): Promise<Survey> {
  const { otherwise = [], folder } = place;
  try {
    return await survey(toLine(place), options);
  } catch (error) {
    if (!(error instanceof SkySenseError)) throw error;
    if (otherwise.length === 0) return { ...nothing(), skipped: [{ id: place.id, reason: reasonOf(error) }] };
    const surveys: Survey[] = [];
    for (const other of otherwise) surveys.push(await surveyPlace({ ...other, folder }, options));
    return joinSurveys(surveys);
  }
}

type Line = SurveyedPlace["line"];

/** The line of the whole place, with absolute paths. */
function toLine({ id, files, describe, options, location, folder }: FoundPlace): Line {
  const line: Line = { id, files: files.map((file) => resolve(folder, file)) };
  if (describe !== undefined) line.describe = mapDescribed(describe, (file) => resolve(folder, file));
  else if (files.length === 1 && existsSync(`${line.files[0]}.skysense.json`)) {
    line.describe = `${line.files[0]}.skysense.json`;
  }
  if (options !== undefined) line.options = options;
  if (location !== undefined) line.location = location;
  return line;
}

/** A description with other names for its files. */
export function mapDescribed(
  describe: NonNullable<PlaceLine["describe"]>,
  rename: (file: string) => string,
): NonNullable<PlaceLine["describe"]> {
  if (typeof describe === "string") return rename(describe);
  if (!Array.isArray(describe.files)) return describe;
  return { ...describe, files: describe.files.map((one) => ({ ...one, file: rename(one.file) })) };
}

async function survey(line: Line, options: SurveyOptions): Promise<Survey> {
  const { source } = parsePlaceLine(JSON.stringify(line), { folder: "/", where: line.id });
  if (await isSmallPicture(source)) {
    const { hr } = await readPlaceSource(source);
    if (hr !== undefined) {
      const [images, , height, width] = hr.shape;
      const sensors = [{ sensor: "hr" as const, images, dated: 0 }];
      return cut(line, { size: { width, height }, side: options.patch, sensors }, (window) =>
        readPlaceSource({ ...source, window }),
      );
    }
  }
  return withSceneOf(source, { signal: options.signal, keep: false }, async (scene) => {
    const { grid, sensors } = scene;
    const side = sensors.some(({ sensor }) => sensor !== "hr") ? options.patchCells : options.patch;
    const dates = sensors.map((sensor) => datesOf(sensor, options.maxDates));
    const long = sensors.some(({ dates }) => dates.length > options.maxDates);
    const thin = long ? { ...line, options: { ...line.options, maxDates: options.maxDates } } : line;
    return cut(thin, { size: grid, side, sensors: dates }, (window) =>
      readPatch(scene, { files: line.files, window }, { signal: options.signal }),
    );
  });
}

function datesOf({ sensor, dates }: SceneSensor, most: number): SensorDates {
  const images = Math.min(most, dates.length);
  const known = dates.filter((date) => date !== undefined).length;
  return { sensor, images, dated: Math.min(images, known) };
}

interface Extent {
  size: { width: number; height: number };
  side: number;
  sensors: SensorDates[];
}

async function cut(
  line: Line,
  { size, side, sensors }: Extent,
  read: (window: Window) => Promise<Place>,
): Promise<Survey> {
  const windows = cutIntoPatches(size, side);
  const known: Line = { ...line, sensors: sensors.map(({ sensor }) => sensor) };
  const found = nothing();
  for (const window of windows) {
    const place = await read(window);
    const whole = windows.length === 1;
    const worthless = worthlessness(place);
    if (worthless === "empty" || (worthless === "flat" && !whole)) found[worthless]++;
    else {
      const [col, row] = window;
      const own = whole ? known : { ...known, id: `${line.id}@${col},${row}`, window: [...window] as Line["window"] };
      found.places.push({ line: own, sensors, location: place.location });
    }
  }
  return found;
}

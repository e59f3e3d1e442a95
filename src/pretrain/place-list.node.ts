import { dirname, resolve } from "node:path";
import { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import type { Window } from "../core/grid.ts";
import { type SensorName, sensorNames } from "../core/place.ts";
import { readWholeFile } from "../core/read-file.node.ts";
import type { OpenSceneOptions } from "../imagery/scene/open-scene.node.ts";
import type { PlaceFiles } from "../imagery/scene/place-source.node.ts";
import { type FileDescription, parseDescription, type SceneDescription } from "../imagery/sensor/description.ts";

/** A place to learn from, as plain data. */
export interface PlaceEntry {
  /** Its name in messages. */
  id: string;
  source: PlaceFiles;
}

const path = z.string().min(1);

const placeLine = z.strictObject({
  /** Default: the first file, and the corner of the window. */
  id: z.string().min(1).optional(),
  /** All images of the place, relative to the list; or URLs. */
  files: z.array(path).min(1),
  /** A description of the files: the path of a sidecar, or its content; files in it are relative to it. */
  describe: z.union([path, z.record(z.string(), z.unknown())]).optional(),
  /** What holds for all files of a sensor, and how to read the place: see `openScene`. */
  options: z
    .strictObject({
      sensor: z.enum(sensorNames).optional(),
      hr: z.unknown().optional(),
      s2: z.unknown().optional(),
      s1: z.unknown().optional(),
      maxDates: z.int().min(1).optional(),
      maxCloud: z.number().min(0).max(1).optional(),
      reproject: z.boolean().optional(),
    })
    .optional(),
  /** Longitude and latitude, where the files have no georeference. */
  location: z.tuple([z.number().min(-180).max(180), z.number().min(-90).max(90)]).optional(),
  /** The patch to read, in pixels of the place's grid: see `PlaceFiles`. */
  window: z.tuple([z.int().min(0), z.int().min(0), z.int().min(1), z.int().min(1)]).optional(),
});

/** A line of a list of places. */
export type PlaceLine = z.input<typeof placeLine>;

/**
 * Read a list of places: JSON Lines, one place a line; empty lines are passed over. The images are not looked at.
 *
 * @param needs  what the model needs of every place: see `sceneNeeds`
 * @throws SkySenseError `FILE_UNREADABLE` | `BAD_PLACE_LIST` and `BAD_DESCRIPTION`, naming file and line | `NO_PLACES`
 */
export async function readPlaceList(
  file: string,
  needs: Pick<OpenSceneOptions, "hrPixelsPerCell" | "keepBands"> = {},
): Promise<PlaceEntry[]> {
  const lines = (await readWholeFile(file)).toString("utf8").split("\n");
  const entries = lines.flatMap((text, i) =>
    text.trim() === "" ? [] : [parsePlaceLine(text, { folder: dirname(file), where: `${file}:${i + 1}` })],
  );
  if (entries.length === 0) {
    throw new SkySenseError({
      code: "NO_PLACES",
      what: "there is no place in this list",
      where: file,
      remedy: "Write one with skysense data index.",
    });
  }
  return entries.map(({ id, source }) => ({
    id,
    source: { ...source, options: { ...source.options, ...needs } },
  }));
}

/**
 * One line of a list.
 *
 * @param from.folder  what its files are relative to
 * @param from.where   file and line, for messages
 * @throws SkySenseError `BAD_PLACE_LIST` | `BAD_DESCRIPTION`
 */
export function parsePlaceLine(text: string, { folder, where }: { folder: string; where: string }): PlaceEntry {
  const { id, files, describe, options, location, window } = check(parseJson(text, where), where);
  const from = (name: string) => (isUrl(name) ? name : resolve(folder, name));
  const scene: Omit<OpenSceneOptions, "signal"> = {};
  const { hr, s2, s1, ...rest } = options ?? {};
  Object.assign(scene, rest);
  for (const [sensor, said] of Object.entries({ hr, s2, s1 })) {
    if (said === undefined) continue;
    scene[sensor as SensorName] = parseDescription(said, `${where}, options.${sensor}`) as FileDescription;
  }
  if (typeof describe === "string") scene.describe = from(describe);
  else if (describe !== undefined) scene.describe = fromFolder(parseDescription(describe, where), from);
  if (location !== undefined) scene.location = { longitude: location[0], latitude: location[1] };
  const source: PlaceFiles = { files: files.map(from) };
  if (Object.keys(scene).length > 0) source.options = scene;
  if (window !== undefined) source.window = window satisfies Window;
  return { id: id ?? defaultId(files[0]!, window), source };
}

function defaultId(file: string, window: Window | undefined): string {
  return window === undefined ? file : `${file}@${window[0]},${window[1]}`;
}

function fromFolder(
  description: SceneDescription | FileDescription,
  from: (name: string) => string,
): SceneDescription | FileDescription {
  if (!("files" in description)) return description;
  return { ...description, files: description.files.map((one) => ({ ...one, file: from(one.file) })) };
}

function isUrl(name: string): boolean {
  return /^https?:/.test(name);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badLine(`it is no JSON: ${(cause as Error).message}`, where, cause);
  }
}

function check(json: unknown, where: string): z.infer<typeof placeLine> {
  const result = placeLine.safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const field = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  throw badLine(`${field === "" ? "" : `${field.replace(/^\./, "")}: `}${message}`, where, result.error);
}

function badLine(what: string, where: string, cause: unknown): SkySenseError {
  return new SkySenseError({
    code: "BAD_PLACE_LIST",
    what: `this line of the list of places is not valid: ${what}`,
    where,
    remedy: 'An example: {"files": ["s2.tif", "s1.tif"], "options": {"s1": {"units": "dB*100"}}}.',
    cause,
  });
}

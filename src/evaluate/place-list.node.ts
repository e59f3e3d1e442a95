import { dirname, resolve } from "node:path";
import { SkySenseError } from "../core/error.ts";
import type { Window } from "../core/grid.ts";
import type { SensorName } from "../core/place.ts";
import { readWholeFile } from "../core/read-file.node.ts";
import type { OpenSceneOptions } from "../imagery/scene/open-scene.node.ts";
import type { PlaceFiles } from "../imagery/scene/place-source.node.ts";
import { type FileDescription, parseDescription, type SceneDescription } from "../imagery/sensor/description.ts";
import { checkPlaceLine } from "./place-line.ts";

/** A place to learn from, as plain data. */
export interface PlaceEntry {
  /** Its name in messages. */
  id: string;
  source: PlaceFiles;
  /** Which images it has, where the list says so; it does when `indexPlaces` wrote it. */
  sensors?: readonly SensorName[];
}

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
  return entries.map(({ source, ...rest }) => ({
    ...rest,
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
  const { id, sensors, files, describe, options, location, window } = checkPlaceLine(text, where);
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
  return { id: id ?? defaultId(files[0]!, window), source, ...(sensors && { sensors }) };
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

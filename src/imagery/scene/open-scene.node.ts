import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SkySenseError } from "../../core/error.ts";
import { sensorNames } from "../../core/place.ts";
import { openRaster } from "../raster/open.node.ts";
import { warpOnto } from "../raster/warp.node.ts";
import type { Raster } from "../raster.ts";
import { type FileDescription, parseDescription, type SceneDescription } from "../sensor/description.ts";
import type { FileKind } from "../sensor/identify.ts";
import { type BuildOptions, buildScene, type Input } from "./build-scene.ts";
import type { DescriptionSource, FileSources } from "./inspect-file.ts";
import type { Scene } from "./scene.ts";

export interface OpenSceneOptions extends BuildOptions {
  /** Path of a JSON file that describes the inputs, or its content; see `parseDescription`. */
  describe?: string | SceneDescription | FileDescription;
  /** The sensor of all inputs. */
  sensor?: FileKind;
  /** What holds for every file of a sensor; it comes before descriptions, which come before what the files say. */
  hr?: FileDescription;
  s2?: FileDescription;
  s1?: FileDescription;
}

/**
 * Open images of one place: any mix of sensors and dates, one file or many.
 *
 * What a file does not say itself (sensor, bands, dates, units, nodata) comes from options, from the description
 * `describe`, or from `FILE.skysense.json` beside the file. What is neither said nor certain is refused, and the
 * error names what to write.
 *
 * @param inputs  paths or URLs
 * @throws SkySenseError `RASTER_*` | `BAD_DESCRIPTION` | `NOT_DESCRIBED` | those of `inspectFile`, `joinSeries` and
 *   `place` | `NO_IMAGES` | `CLOUDS_UNKNOWN` | `ALL_CLOUDY`
 */
export async function openScene(inputs: readonly string[], options: OpenSceneOptions = {}): Promise<Scene> {
  for (const sensor of sensorNames) {
    if (options[sensor] !== undefined) parseDescription(options[sensor], `option ${sensor}`);
  }
  const described = await readDescribe(options.describe);
  for (const { path } of described.files) {
    if (path !== undefined && !inputs.some((input) => samePath(input, path))) {
      throw new SkySenseError({
        code: "NOT_DESCRIBED",
        what: `the description is of ${path}, which is not among the inputs`,
        where: described.from,
        remedy: "Name files relative to the description, and give them as inputs too.",
      });
    }
  }
  const rasters: Raster[] = [];
  try {
    const opened: Input[] = [];
    let { location } = described;
    for (const input of inputs) {
      const raster = await openRaster(input, { signal: options.signal });
      rasters.push(raster);
      const beside = await readBeside(input);
      location ??= beside.location;
      opened.push({ raster, said: sourcesFor(input, options, described, beside) });
    }
    return await buildScene(opened, { ...options, location: options.location ?? location }, warpOnto);
  } catch (error) {
    for (const raster of rasters) await raster.close();
    throw error;
  }
}

interface Descriptions {
  from: string;
  /** `path` undefined: it holds for every input. */
  files: { path: string | undefined; description: FileDescription }[];
  location?: SceneDescription["location"];
}

function sourcesFor(input: string, options: OpenSceneOptions, ...descriptions: Descriptions[]): FileSources {
  const sources: DescriptionSource[] = [];
  if (options.sensor !== undefined) sources.push({ description: { sensor: options.sensor }, from: "option sensor" });
  for (const { from, files } of descriptions) {
    for (const { path, description } of files) {
      if (path === undefined || samePath(input, path)) sources.push({ description, from });
    }
  }
  return { sources, options: { hr: options.hr, s2: options.s2, s1: options.s1 } };
}

async function readDescribe(describe: OpenSceneOptions["describe"]): Promise<Descriptions> {
  if (describe === undefined) return { from: "", files: [] };
  if (typeof describe !== "string") return toDescriptions(describe, "option describe", ".");
  return toDescriptions(await readJson(describe), describe, dirname(describe));
}

async function readBeside(input: string): Promise<Descriptions> {
  const path = `${input}.skysense.json`;
  if (/^https?:/.test(input)) return { from: path, files: [] };
  try {
    return toDescriptions(await readJson(path), path, dirname(path));
  } catch (error) {
    if (error instanceof SkySenseError && error.code === "DESCRIPTION_NOT_FOUND") return { from: path, files: [] };
    throw error;
  }
}

function toDescriptions(json: unknown, from: string, folder: string): Descriptions {
  const parsed = parseDescription(json, from);
  if (!("files" in parsed)) return { from, files: [{ path: undefined, description: parsed }] };
  const files = parsed.files.map((description) => ({
    path: /^https?:/.test(description.file) ? description.file : resolve(folder, description.file),
    description,
  }));
  return { from, files, location: parsed.location };
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new SkySenseError({
      code: missing ? "DESCRIPTION_NOT_FOUND" : "BAD_DESCRIPTION",
      what: missing ? "the description does not exist" : "the description cannot be read",
      where: path,
      remedy: "Check the path.",
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SkySenseError({
      code: "BAD_DESCRIPTION",
      what: `the description is no JSON: ${(cause as Error).message}`,
      where: path,
      remedy: "Correct it; names and texts are in double quotes, and no comma stands before a closing bracket.",
      cause,
    });
  }
}

function samePath(input: string, path: string): boolean {
  return input === path || (!/^https?:/.test(input) && resolve(input) === resolve(path));
}

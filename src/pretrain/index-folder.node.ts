import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { SkySenseError } from "../core/error.ts";
import type { Grid } from "../core/grid.ts";
import type { LongCall } from "../core/progress.ts";
import type { Candidate, Skipped } from "../evaluate/index-recipes.ts";
import { notImages } from "../evaluate/open-set.node.ts";
import { parsePlaceLine } from "../evaluate/place-list.node.ts";
import { openRaster } from "../imagery/raster/open.node.ts";
import { withSceneOf } from "../imagery/scene/read-scene.node.ts";
import { type Footprint, footprint, overlapShare } from "./index-footprint.ts";
import type { Found, FoundPlace } from "./index-found.ts";

type Options = NonNullable<Candidate["options"]>;

/** A file that is an image of some sensor, or tells how cloudy one is. */
interface ImageFile {
  file: string;
  /** "s2"; "scl" for scene classes. */
  sensor: string;
  grid: Grid;
}

/** Pictures that say nothing but their colours, unless something stands beside them. */
const pictures = /\.(jpe?g|png|webp)$/i;
/** Files that cover the same ground to this share are of one place. */
const samePlace = 0.8;

/** Files and data sets below a folder, in the order of their names. */
export async function walk(folder: string): Promise<{ sets: string[]; files: string[] }> {
  if (existsSync(join(folder, "index.json"))) return { sets: [folder], files: [] };
  const found: { sets: string[]; files: string[] } = { sets: [], files: [] };
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory()) {
      const below = await walk(path);
      found.sets.push(...below.sets);
      found.files.push(...below.files);
    } else if (!notImages.test(entry.name)) found.files.push(path);
  }
  return found;
}

/**
 * Places of files that no index describes. Georeferenced files of one CRS that cover the same ground are one place, and
 * so are files without georeference that lie in one folder and are of several sensors; every other file is a place of
 * its own. What turns out not to fit together is taken file by file. Files of scene classes are used for `maxCloud`.
 *
 * @param options  what the files do not say themselves
 */
export async function findInFiles(
  root: string,
  files: readonly string[],
  { options, signal, onProgress }: LongCall & { options?: Options } = {},
): Promise<Found> {
  const skipped: Skipped[] = [];
  const images: ImageFile[] = [];
  const alone: string[] = [];
  for (const [i, file] of files.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ phase: "look into", done: i, total: files.length, unit: "files" });
    const plain = options === undefined && pictures.test(file) && !existsSync(`${file}.skysense.json`);
    if (plain) {
      alone.push(file);
      continue;
    }
    try {
      images.push(await inspect(file, options, signal));
    } catch (error) {
      if (!(error instanceof SkySenseError)) throw error;
      skipped.push({ id: nameBelow(root, file), reason: reasonOf(error) });
    }
  }
  const groups = [...groupByGround(images), ...groupByFolder(images)];
  const places = groups.flatMap((group) => toPlace(root, group, options));
  for (const file of alone) places.push({ ...placeOf(root, [file], undefined), folder: root });
  places.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { places, heldOut: 0, skipped };
}

async function inspect(
  file: string,
  options: Options | undefined,
  signal: AbortSignal | undefined,
): Promise<ImageFile> {
  const { maxCloud, ...alone } = options ?? {}; // one file does not know how cloudy it is
  const line = JSON.stringify({ files: [resolve(file)], options: alone });
  const { source } = parsePlaceLine(line, { folder: ".", where: file });
  try {
    return await withSceneOf(source, { signal, keep: false }, async ({ grid, sensors }) => ({
      file,
      sensor: sensors[0]!.sensor,
      grid,
    }));
  } catch (error) {
    if (!(error instanceof SkySenseError && error.code === "NO_IMAGES")) throw error;
    const raster = await openRaster(file, signal && { signal });
    await raster.close();
    return { file, sensor: "scl", grid: raster.grid };
  }
}

function groupByGround(images: readonly ImageFile[]): ImageFile[][] {
  const groups: { crs: string | undefined; ground: Footprint; images: ImageFile[] }[] = [];
  for (const image of images) {
    const { crs } = image.grid;
    if (crs === undefined) continue;
    const ground = footprint(image.grid);
    const group = groups.find((one) => one.crs === crs && overlapShare(one.ground, ground) >= samePlace);
    if (group === undefined) groups.push({ crs, ground, images: [image] });
    else group.images.push(image);
  }
  return groups.map(({ images }) => images);
}

function groupByFolder(images: readonly ImageFile[]): ImageFile[][] {
  const folders = new Map<string, ImageFile[]>();
  for (const image of images) {
    if (image.grid.crs !== undefined) continue;
    const folder = dirname(image.file);
    folders.set(folder, [...(folders.get(folder) ?? []), image]);
  }
  return [...folders.values()].flatMap((group) =>
    new Set(group.map(({ sensor }) => sensor)).size > 1 ? [group] : group.map((image) => [image]),
  );
}

/** The place of a group, or none where there is no image; scene classes are of use only for leaving out cloudy dates. */
function toPlace(root: string, group: readonly ImageFile[], options: Options | undefined): FoundPlace[] {
  const images = group.filter(({ sensor }) => sensor !== "scl").map(({ file }) => file);
  if (images.length === 0) return [];
  const files = options?.maxCloud === undefined ? images : group.map(({ file }) => file);
  const place = { ...placeOf(root, files, options), id: nameBelow(root, images[0]!), folder: root };
  return [files.length === 1 ? place : { ...place, otherwise: images.map((file) => placeOf(root, [file], options)) }];
}

function placeOf(root: string, files: readonly string[], options: Options | undefined): Candidate {
  return {
    id: nameBelow(root, files[0]!),
    files: files.map((file) => relative(root, file)),
    ...(options && { options }),
  };
}

function nameBelow(root: string, file: string): string {
  return join(basename(resolve(root)), relative(root, file)).replaceAll("\\", "/");
}

export function reasonOf({ what, remedy }: SkySenseError): string {
  return remedy === undefined ? what : `${what}. ${remedy}`;
}

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { SkySenseError } from "../core/error.ts";
import type { Grid } from "../core/grid.ts";
import type { LongCall } from "../core/progress.ts";
import { notImages } from "../evaluate/open-set.node.ts";
import { withSceneOf } from "../imagery/scene/read-scene.node.ts";
import { footprint, overlapShare } from "./index-footprint.ts";
import type { Found, FoundPlace } from "./index-found.ts";
import type { Candidate, Skipped } from "./index-recipes.ts";
import { parsePlaceLine } from "./place-list.node.ts";

type Options = NonNullable<Candidate["options"]>;

/** A file that is an image of some sensor. */
interface ImageFile {
  file: string;
  sensors: string;
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
 * its own. What turns out not to fit together is taken file by file.
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
  const groups = [...groupByGround(images), ...groupByFolder(images), ...alone.map((file) => [file])];
  const places = groups.map((group) => toPlace(root, group, options));
  places.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { places, heldOut: 0, skipped };
}

async function inspect(
  file: string,
  options: Options | undefined,
  signal: AbortSignal | undefined,
): Promise<ImageFile> {
  const line = JSON.stringify({ files: [resolve(file)], ...(options && { options }) });
  const { source } = parsePlaceLine(line, { folder: ".", where: file });
  return withSceneOf(source, { signal, keep: false }, async ({ grid, sensors }) => ({
    file,
    sensors: sensors.map(({ sensor }) => sensor).join("+"),
    grid,
  }));
}

function groupByGround(images: readonly ImageFile[]): string[][] {
  const groups: { crs: string | undefined; ground: ReturnType<typeof footprint>; files: string[] }[] = [];
  for (const { file, grid } of images) {
    if (grid.crs === undefined) continue;
    const ground = footprint(grid);
    const group = groups.find((one) => one.crs === grid.crs && overlapShare(one.ground, ground) >= samePlace);
    if (group === undefined) groups.push({ crs: grid.crs, ground, files: [file] });
    else group.files.push(file);
  }
  return groups.map(({ files }) => files);
}

function groupByFolder(images: readonly ImageFile[]): string[][] {
  const folders = new Map<string, ImageFile[]>();
  for (const image of images) {
    if (image.grid.crs !== undefined) continue;
    const folder = dirname(image.file);
    folders.set(folder, [...(folders.get(folder) ?? []), image]);
  }
  return [...folders.values()].flatMap((group) => {
    const files = group.map(({ file }) => file);
    return new Set(group.map(({ sensors }) => sensors)).size > 1 ? [files] : files.map((file) => [file]);
  });
}

function toPlace(root: string, files: readonly string[], options: Options | undefined): FoundPlace {
  const place = (some: readonly string[], id: string): Candidate => ({
    id,
    files: some.map((file) => relative(root, file)),
    ...(options && { options }),
  });
  const alone = files.map((file) => place([file], nameBelow(root, file)));
  if (files.length === 1) return { ...alone[0]!, folder: root };
  return { ...place(files, nameBelow(root, files[0]!)), folder: root, otherwise: alone };
}

function nameBelow(root: string, file: string): string {
  return join(basename(resolve(root)), relative(root, file)).replaceAll("\\", "/");
}

export function reasonOf({ what, remedy }: SkySenseError): string {
  return remedy === undefined ? what : `${what}. ${remedy}`;
}

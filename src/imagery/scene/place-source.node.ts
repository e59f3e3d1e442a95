import type { Place } from "../../core/place.ts";
import { blockCache } from "../raster/block-cache.ts";
import { openPicture } from "../raster/open-picture.node.ts";
import type { OpenSceneOptions } from "./open-scene.node.ts";

/** Files of a place, as plain data: another thread can read them. */
export interface PlaceFiles {
  files: readonly string[];
  /** Default: one file is an HR picture in colours, or says itself what it is. */
  options?: Omit<OpenSceneOptions, "signal">;
}

/** Where the images of a place come from. */
export type PlaceSource = PlaceFiles | { place: Place } | { read: () => Promise<Place> };

/**
 * Read all images of a place, at their full size.
 *
 * One 8-bit picture in RGB without any options is taken as it is, HR 0–255, which is five times as fast as a scene;
 * with `hrPixelsPerCell` of 1 a scene of HR alone has the picture's own size too.
 *
 * @throws SkySenseError as `openRaster` and `openScene`
 */
export async function readPlaceSource(
  source: PlaceSource,
  { signal }: { signal?: AbortSignal } = {},
): Promise<Place> {
  if ("place" in source) return source.place;
  if ("read" in source) return source.read();
  const { files, options = {} } = source;
  if (files.length === 1 && Object.keys(options).every((name) => name === "sensor" || name === "hrPixelsPerCell")) {
    const picture = (options.sensor ?? "hr") === "hr" ? await readPicture(files[0]!) : undefined;
    if (picture !== undefined) return picture;
  }
  // Loaded where it is needed: threads that decode pictures alone start four times as fast without.
  const { openScene } = await import("./open-scene.node.ts");
  const scene = await openScene(files, { ...options, signal });
  try {
    return await scene.read([0, 0, scene.grid.width, scene.grid.height], { signal });
  } finally {
    await scene.close();
  }
}

const pictures = /\.(jpe?g|png|webp)$/i;

/** undefined: not an 8-bit picture in RGB. */
async function readPicture(file: string): Promise<Place | undefined> {
  if (!pictures.test(file)) return undefined;
  const { bands, grid, read } = await openPicture(file, file, { cache: blockCache(0), worldFile: undefined });
  if (bands.length < 3 || bands.some(({ type }) => type !== "uint8")) return undefined;
  const { data } = await read({ bands: [0, 1, 2] });
  const shape = [1, 3, grid.height, grid.width] as const;
  return { hr: { data: Float32Array.from(data), shape, bands: ["R", "G", "B"] } };
}

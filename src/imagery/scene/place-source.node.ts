import type { Place } from "../../core/place.ts";
import { openRaster } from "../raster/open.node.ts";
import { type OpenSceneOptions, openScene } from "./open-scene.node.ts";

/** Where the images of a place come from: plain data, so that it can be handed to another thread. */
export type PlaceSource =
  | { place: Place }
  | {
      files: readonly string[];
      /** Default: one file is an HR picture in colours, or says itself what it is. */
      options?: Omit<OpenSceneOptions, "signal">;
    };

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
  const { files, options = {} } = source;
  if (files.length === 1 && Object.keys(options).every((name) => name === "sensor" || name === "hrPixelsPerCell")) {
    const picture = (options.sensor ?? "hr") === "hr" ? await readPicture(files[0]!) : undefined;
    if (picture !== undefined) return picture;
  }
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
  const raster = await openRaster(file, { cacheBytes: 0 });
  try {
    const { bands, grid } = raster;
    if (raster.driver === "GTiff" || bands.length < 3 || bands.some(({ type }) => type !== "uint8")) return undefined;
    const { data } = await raster.read({ bands: [0, 1, 2] });
    const shape = [1, 3, grid.height, grid.width] as const;
    return { hr: { data: Float32Array.from(data), shape, bands: ["R", "G", "B"] } };
  } finally {
    await raster.close();
  }
}

import sharp from "sharp";
import type { Place } from "../../core/place.ts";
import { readWholeFile } from "../../core/read-file.node.ts";
import { damaged } from "../raster/errors.ts";
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
 * One 8-bit picture in RGB, of which nothing but the sensor is said, is taken as it is, HR 0–255; as a scene it would
 * be the same with `hrPixelsPerCell` of 1, and several times slower.
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

/** In one go: training reads thousands. undefined: not an 8-bit picture in RGB. */
async function readPicture(file: string): Promise<Place | undefined> {
  if (!pictures.test(file)) return undefined;
  const image = sharp(await readWholeFile(file), { failOn: "warning" });
  try {
    const { width, height, channels, depth, space } = await image.metadata();
    if (channels < 3 || depth !== "uchar" || space === "cmyk") return undefined;
    const interleaved = await image.removeAlpha().toColourspace("srgb").raw().toBuffer();
    const pixels = width * height;
    const data = new Float32Array(3 * pixels);
    for (let band = 0; band < 3; band++) {
      for (let p = 0; p < pixels; p++) data[band * pixels + p] = interleaved[3 * p + band]!;
    }
    return { hr: { data, shape: [1, 3, height, width], bands: ["R", "G", "B"] } };
  } catch (cause) {
    throw damaged(file, "the picture cannot be decoded", cause);
  }
}

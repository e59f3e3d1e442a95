import sharp from "sharp";
import { SkySenseError } from "../../core/error.ts";
import type { Window } from "../../core/grid.ts";
import type { ImageStack, Place } from "../../core/place.ts";
import { readWholeFile } from "../../core/read-file.node.ts";
import { damaged } from "../raster/errors.ts";
import type { OpenSceneOptions } from "./open-scene.node.ts";
import { checkInside, type PlaceFiles } from "./place-files.node.ts";

export type { PlaceFiles } from "./place-files.node.ts";

/** Where the images of a place come from. */
export type PlaceSource = PlaceFiles | { place: Place } | { read: () => Promise<Place> };

/**
 * Read all images of a place at their full size, or a patch of it. The location is that of the patch's centre; where
 * the files have no georeference, the one that is given.
 *
 * HR without Sentinel images is read pixel by pixel: `hrPixelsPerCell` matters beside Sentinel images only. One 8-bit
 * picture in RGB a moment, of which nothing but sensor and location is said, is taken as it is, HR 0–255; as a scene it
 * would be the same, and several times slower.
 *
 * @throws SkySenseError as `openRaster` and `openScene` | `WINDOW_OUTSIDE`
 */
export async function readPlaceSource(
  source: PlaceSource,
  { signal }: { signal?: AbortSignal } = {},
): Promise<Place> {
  if ("place" in source) return source.place;
  if ("read" in source) return source.read();
  const { files, options = {}, window } = source;
  if (isPlain(options) && files.length === (options.moments ?? [1]).length) {
    const pictures = await Promise.all(files.map((file) => readPicture(file, window)));
    const stack = stacked(pictures);
    if (stack !== undefined) return { hr: stack, ...(options.location && { location: options.location }) };
  }
  // Loaded where it is needed: threads that decode pictures alone start four times as fast without.
  const { readScene } = await import("./read-scene.node.ts");
  return readScene(source, { signal });
}

/** Whether the options change nothing in how a picture in RGB is read. */
function isPlain({
  sensor = "hr",
  keepBands,
  hrPixelsPerCell,
  location,
  moments,
  ...said
}: OpenSceneOptions): boolean {
  const bands = keepBands?.hr ?? ["R", "G", "B"];
  return sensor === "hr" && bands.join() === "R,G,B" && Object.values(said).every((value) => value === undefined);
}

/** Pictures as the dates of one stack; undefined where one is none, or of another size. */
function stacked(pictures: readonly (ImageStack | undefined)[]): ImageStack | undefined {
  const [first] = pictures;
  if (first === undefined || pictures.length === 1) return first;
  const data = new Float32Array(pictures.length * first.data.length);
  for (const [t, picture] of pictures.entries()) {
    if (picture?.shape.join() !== first.shape.join()) return undefined;
    data.set(picture.data, t * first.data.length);
  }
  const [, ...rest] = first.shape;
  return { ...first, data, shape: [pictures.length, ...rest] };
}

/** Pixels of a picture of which patches are cut out after decoding it anew. */
const largestPicture = 2 ** 20;
const pictures = /\.(jpe?g|png|webp)$/i;

/** In one go: training reads thousands. undefined: not an 8-bit picture in RGB. */
async function readPicture(file: string, window: Window | undefined): Promise<ImageStack | undefined> {
  if (!pictures.test(file)) return undefined;
  const image = sharp(await readWholeFile(file), { failOn: "warning" });
  try {
    const whole = await image.metadata();
    if (whole.channels < 3 || whole.depth !== "uchar" || whole.space === "cmyk") return undefined;
    const [left, top, width, height] = window ?? [0, 0, whole.width, whole.height];
    if (window !== undefined) {
      // A patch of a larger picture is read as a scene, which stays decoded for the next.
      if (whole.width * whole.height > largestPicture) return undefined;
      checkInside(window, whole, file);
      image.extract({ left, top, width, height });
    }
    const interleaved = await image.removeAlpha().toColourspace("srgb").raw().toBuffer();
    const pixels = width * height;
    const data = new Float32Array(3 * pixels);
    for (let band = 0; band < 3; band++) {
      for (let p = 0; p < pixels; p++) data[band * pixels + p] = interleaved[3 * p + band]!;
    }
    return { data, shape: [1, 3, height, width], bands: ["R", "G", "B"] };
  } catch (cause) {
    if (cause instanceof SkySenseError) throw cause;
    throw damaged(file, "the picture cannot be decoded", cause);
  }
}

import sharp from "sharp";
import { bug } from "../../core/error.ts";
import { type Place, sensorNames } from "../../core/place.ts";
import { readWholeFile } from "../../core/read-file.node.ts";
import { damaged } from "../../imagery/raster/errors.ts";
import { type PlaceSource, readPlaceSource } from "../../imagery/scene/place-source.node.ts";
import { type KeptPlace, keepPlace } from "./kept-place.ts";
import {
  checkMaskSize,
  decodeLabels,
  drawLabels,
  type LabelMap,
  type LabelSource,
  type MaskPixels,
} from "./label-map.ts";
import { seenLabels } from "./seen-labels.ts";

/**
 * Read a place, and the classes of its pixels where there is a mask.
 * @throws SkySenseError those of `readPlaceSource` and {@link readLabelled}
 */
export async function readSample(source: PlaceSource, mask: LabelSource | undefined): Promise<KeptPlace> {
  if (mask === undefined) return keepPlace(await readPlaceSource(source));
  const { place, labels } = await readLabelled(source, mask);
  const kept = keepPlace(place);
  const data = new Uint8Array(new SharedArrayBuffer(labels.data.length));
  data.set(labels.data);
  return { ...kept, labelMap: { ...labels, data }, bytes: kept.bytes + data.length };
}

/**
 * Read a place and the classes of the pixels of its finest images; what no image shows has none (see `seenLabels`).
 * @throws SkySenseError those of `readPlaceSource` and {@link readLabelMap}; `MASK_SIZE`
 */
export async function readLabelled(
  source: PlaceSource,
  mask: LabelSource,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<{ place: Place; labels: LabelMap }> {
  const place = await readPlaceSource(source, signal === undefined ? {} : { signal });
  const labels = await readLabelMap(mask);
  const stacks = sensorNames.flatMap((sensor) => place[sensor] ?? []);
  if (stacks.length === 0) throw bug("a mask without an image");
  const longest = (axis: 2 | 3) => Math.max(...stacks.map(({ shape }) => shape[axis]));
  checkMaskSize(labels, { width: longest(3), height: longest(2) }, mask);
  const compared = "files" in source && source.options?.moments !== undefined;
  return { place, labels: seenLabels(labels, stacks, { compared }) };
}

/** Read the labels of an image. @throws SkySenseError `BAD_LABEL` and those of `openRaster` */
export async function readLabelMap(source: LabelSource): Promise<LabelMap> {
  if ("shapes" in source) return drawLabels(source);
  const { file, coding, band } = source;
  return decodeLabels((await readPng(file)) ?? (await readRaster(file, band)), coding, { file });
}

/** In one go, as training reads thousands. undefined: not an 8-bit PNG. */
async function readPng(file: string): Promise<MaskPixels | undefined> {
  if (!/\.png$/i.test(file)) return undefined;
  const image = sharp(await readWholeFile(file), { failOn: "warning" });
  try {
    const { width, height, depth, channels } = await image.metadata();
    if (depth !== "uchar") return undefined;
    const bands = channels < 3 ? 1 : 3;
    const interleaved = await image
      .removeAlpha()
      .toColourspace(bands === 1 ? "b-w" : "srgb")
      .raw()
      .toBuffer();
    if (bands === 1) return { data: interleaved, bands, height, width };
    const pixels = width * height;
    const data = new Uint8Array(3 * pixels);
    for (let p = 0; p < pixels; p++) for (let b = 0; b < 3; b++) data[b * pixels + p] = interleaved[3 * p + b]!;
    return { data, bands, height, width };
  } catch (cause) {
    throw damaged(file, "the mask cannot be decoded", cause);
  }
}

async function readRaster(file: string, band: number | undefined): Promise<MaskPixels> {
  // Loaded where it is needed: threads that read pictures alone start faster without.
  const { openRaster } = await import("../../imagery/raster/open.node.ts");
  const raster = await openRaster(file);
  try {
    const { data, shape } = await raster.read(band === undefined ? {} : { bands: [band] });
    const [bands, height, width] = shape;
    return { data, bands, height, width };
  } finally {
    await raster.close();
  }
}

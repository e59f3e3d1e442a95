import type { Affine } from "../../core/grid.ts";
import type { Raster, RasterBand, RasterData, ReadOptions } from "../raster.ts";
import type { BlockCache } from "./block-cache.ts";
import { damaged } from "./errors.ts";
import { type GdalMetadata, parseGdalMetadata } from "./gdal-metadata.ts";
import { geoReference } from "./geo-keys.ts";
import { alphaBand, maskFromNodata } from "./mask.ts";
import { type BlockImage, type BlockRef, type ReadTarget, readWindow } from "./read-window.ts";
import type { ByteSource } from "./source.ts";
import { compressions, storedRows, type TiffImage, tiffImage } from "./tiff-image.ts";
import { type Directory, readTiffStructure, type TiffStructure } from "./tiff-structure.ts";
import { unpack } from "./unpack.ts";

/** Undoes a block's compression; at least `rows` rows of bytes. */
export type Decompress = (path: string, image: TiffImage, packed: Uint8Array, rows: number) => Promise<Uint8Array>;

export interface OpenTiffOptions {
  decompress: Decompress;
  cache: BlockCache;
  /** Blocks decoded at the same time. */
  parallel: number;
  /** The transform of a world file, used where the TIFF has none of its own. */
  worldFile?: Affine;
  /** Asked for what the file's keys do not say in a way understood here. */
  crsByOther?: () => Promise<string | undefined>;
}

const identity: Affine = [1, 0, 0, 0, 1, 0];
/** Compressed bytes fetched together before they are decoded. */
const batchBytes = 2 ** 24;
let opened = 0;

/**
 * Open a TIFF, GeoTIFF or COG for reading by window.
 *
 * @throws SkySenseError `RASTER_DAMAGED` | `RASTER_UNSUPPORTED` (GDAL may still read it) | `RASTER_TOO_LARGE`
 */
export async function openTiff(source: ByteSource, options: OpenTiffOptions): Promise<Raster> {
  const { path } = source;
  const tiff = await readTiffStructure(source);
  const main = tiff.directories[0]!;
  const image = await tiffImage(path, tiff, main);
  const { levels, maskLevels } = await findLevels(path, tiff, image);
  const id = `${opened++}/`;
  const open = (level: TiffImage, name: string): BlockImage => blockImage(source, level, id + name, options);

  const gdal = parseGdalMetadata(await tiff.text(main, 42112), image.samples);
  const nodata = parseNodata(await tiff.text(main, 42113));
  const geo = await geoReference(tiff, main);
  const bands = describeBands(image, gdal, nodata);
  const names = bands.map((band) => band.name);
  const target: ReadTarget = {
    ...{ path, width: image.width, height: image.height, type: image.type, bandNames: names },
    fill: bands.map((band) => band.nodata),
    levels: levels.map((level, i) => open(level, `${i}/`)),
  };
  const maskTarget: ReadTarget | undefined = maskLevels.length
    ? {
        ...{ ...target, type: "uint8" as const, bandNames: [undefined] },
        fill: [0],
        levels: maskLevels.map((level, i) => open(level, `mask ${i}/`)),
      }
    : undefined;
  const alpha = alphaBand(bands);
  const masked = maskTarget !== undefined || alpha !== undefined || bands.some((band) => band.nodata !== undefined);

  async function readMask(read: ReadOptions = {}): Promise<Uint8Array> {
    const { bands: wanted = bands.map((_, i) => i).filter((i) => i !== alpha), ...rest } = read;
    if (maskTarget || alpha !== undefined) {
      const { data } = await readWindow(maskTarget ?? target, { ...rest, bands: [maskTarget ? 0 : alpha!] });
      return Uint8Array.from(data, (value) => (value === 0 ? 0 : 1));
    }
    return maskFromNodata(
      await readWindow(target, { ...rest, bands: wanted }),
      wanted.map((band) => bands[band]?.nodata),
    );
  }

  return {
    path,
    driver: "GTiff",
    grid: {
      crs: geo.crs ?? (geo.crsUndecoded ? await options.crsByOther?.() : undefined),
      transform: geo.transform ?? options.worldFile ?? identity,
      width: image.width,
      height: image.height,
    },
    bands,
    metadata: {
      ...(await tiffTags(tiff, main)),
      ...(geo.areaOrPoint && { AREA_OR_POINT: geo.areaOrPoint }),
      ...gdal.dataset,
      COMPRESSION: compressions[image.compression]!,
    },
    blockSize: [image.blockWidth, image.blockHeight],
    read: (read) => readWindow(target, read),
    ...(masked && { readMask }),
    async close() {
      options.cache.drop(id);
      await source.close();
    },
  };
}

/** Overviews and masks among the directories; other pages are left alone. */
async function findLevels(
  path: string,
  tiff: TiffStructure,
  main: TiffImage,
): Promise<{ levels: TiffImage[]; maskLevels: TiffImage[] }> {
  const levels = [main];
  const maskLevels: TiffImage[] = [];
  for (const directory of tiff.directories.slice(1)) {
    const subfile = (await tiff.numbers(directory, 254))?.[0] ?? 0;
    if (subfile === 0 || subfile & 2) continue;
    const level = await tiffImage(path, tiff, directory);
    if (subfile & 4) {
      if (level.samples === 1 && level.type === "uint8") maskLevels.push(level);
    } else if (subfile & 1 && level.samples === main.samples && level.type === main.type) {
      levels.push(level);
    }
  }
  const mask = maskLevels[0];
  if (mask && (mask.width !== main.width || mask.height !== main.height)) {
    throw damaged(path, "the mask in the file is not as large as the image");
  }
  return { levels, maskLevels };
}

function blockImage(source: ByteSource, image: TiffImage, key: string, options: OpenTiffOptions): BlockImage {
  const { decompress, cache, parallel } = options;
  const { path } = source;
  const { columns, rows } = image;

  async function load(
    refs: readonly BlockRef[],
    use: (ref: BlockRef, data: RasterData | undefined) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const ranges = await image.blocks();
    const indexed = refs.map((ref) => ({ ref, index: (ref.plane * rows + ref.row) * columns + ref.column }));
    for (const batch of batches(indexed, ({ index }) => ranges[index]!.length)) {
      signal?.throwIfAborted();
      const missing = batch.filter(({ index }) => ranges[index]!.length > 0 && !cache.get(key + index));
      const packed = source.read(
        missing.map(({ index }) => ranges[index]!),
        signal,
      );
      const position = new Map(missing.map(({ index }, i) => [index, i]));
      packed.catch(() => {}); // every block that waits for it reports the failure
      await inParallel(batch, parallel, async ({ ref, index }) => {
        if (ranges[index]!.length === 0) return use(ref, undefined);
        let block = cache.get(key + index);
        if (block === undefined) {
          const storedAt = position.get(index);
          const bytes =
            storedAt === undefined
              ? (await source.read([ranges[index]!], signal))[0]! // dropped from the cache meanwhile
              : (await packed)[storedAt]!;
          const stored = storedRows(image, ref.row);
          block = cache.get(key + index);
          if (block === undefined) {
            block = decompress(path, image, bytes, stored).then((raw) => unpack(path, image, raw, stored));
            cache.put(key + index, block);
          }
        }
        const data = await block;
        signal?.throwIfAborted();
        use(ref, data);
      });
    }
  }
  const { width, height, blockWidth, blockHeight, blockSamples } = image;
  return { width, height, blockWidth, blockHeight, blockBands: blockSamples, load };
}

function* batches<T>(items: readonly T[], bytes: (item: T) => number): Generator<T[]> {
  let batch: T[] = [];
  let sum = 0;
  for (const item of items) {
    if (batch.length > 0 && sum + bytes(item) > batchBytes) {
      yield batch;
      batch = [];
      sum = 0;
    }
    batch.push(item);
    sum += bytes(item);
  }
  if (batch.length > 0) yield batch;
}

async function inParallel<T>(items: readonly T[], count: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++]!);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, lane));
}

function describeBands(image: TiffImage, gdal: GdalMetadata, nodata: number | undefined): RasterBand[] {
  return gdal.bands.map((band, i) => ({
    name: band.description || undefined,
    type: image.type,
    nodata,
    scale: band.scale,
    offset: band.offset,
    unit: band.unit,
    colour: band.colour ?? colour(image, i),
    metadata: band.items,
  }));
}

/** GDAL's colour interpretation: from the photometric tag, and from ExtraSamples for the bands after the colours. */
function colour({ photometric, samples, extraSamples, bits }: TiffImage, band: number): string {
  const rgb = (photometric === 2 || photometric === 6) && samples >= 3;
  const colours = rgb ? ["red", "green", "blue"] : photometric === 3 || bits === 1 ? ["palette"] : ["gray"];
  const extra = extraSamples[band - (samples - extraSamples.length)];
  return colours[band] ?? (extra === 1 || extra === 2 ? "alpha" : "undefined");
}

function parseNodata(text: string | undefined): number | undefined {
  const trimmed = text?.trim().toLowerCase();
  if (!trimmed) return undefined;
  if (/^[+-]?nan/.test(trimmed)) return Number.NaN;
  if (/^[+-]?inf/.test(trimmed)) return trimmed.startsWith("-") ? -Infinity : Infinity;
  const value = Number(trimmed);
  return Number.isNaN(value) ? undefined : value;
}

const textTags: Record<string, number> = {
  TIFFTAG_DOCUMENTNAME: 269,
  TIFFTAG_IMAGEDESCRIPTION: 270,
  TIFFTAG_SOFTWARE: 305,
  TIFFTAG_DATETIME: 306,
  TIFFTAG_ARTIST: 315,
  TIFFTAG_COPYRIGHT: 33432,
};

async function tiffTags(tiff: TiffStructure, directory: Directory): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const [name, number] of Object.entries(textTags)) {
    const text = await tiff.text(directory, number);
    if (text !== undefined) out[name] = text;
  }
  return out;
}

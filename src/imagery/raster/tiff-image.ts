import type { RasterType } from "../raster.ts";
import { damaged, tooLarge, unsupported, unsupportedHere } from "./errors.ts";
import type { ByteRange } from "./source.ts";
import type { Directory, TiffStructure } from "./tiff-structure.ts";

/** One directory of a TIFF as an image: checked, and in the words of the TIFF specification. */
export interface TiffImage {
  width: number;
  height: number;
  samples: number;
  /** Bits a sample: 1, 2, 4, 8, 16, 32 or 64. */
  bits: number;
  /** What `unpack` makes of a sample. */
  type: RasterType;
  littleEndian: boolean;
  compression: number;
  predictor: number;
  photometric: number;
  extraSamples: readonly number[];
  jpegTables: Uint8Array | undefined;
  /** NewSubfileType: bit 0 overview, bit 1 page, bit 2 mask. */
  subfile: number;
  blockWidth: number;
  blockHeight: number;
  /** Tiles are stored whole at the image's edge, strips are cut. */
  tiled: boolean;
  /** Samples that one block holds: all of them (chunky) or one (planar). */
  blockSamples: number;
  columns: number;
  rows: number;
  /** Where each block lies, plane by plane, row by row; length 0: not stored, all nodata (a sparse file of GDAL). */
  blocks(): Promise<readonly ByteRange[]>;
}

const maxBlockBytes = 2 ** 29;
/** An uncompressed image in one strip is read in slices of about this size. */
const sliceBytes = 2 ** 22;

const types: Record<string, RasterType> = {
  "1/1": "uint8",
  "2/1": "uint8",
  "4/1": "uint8",
  "8/1": "uint8",
  "16/1": "uint16",
  "32/1": "uint32",
  "8/2": "int8",
  "16/2": "int16",
  "32/2": "int32",
  "32/3": "float32",
  "64/3": "float64",
};

export const compressions: Record<number, string> = {
  1: "NONE",
  5: "LZW",
  7: "JPEG",
  8: "DEFLATE",
  32773: "PACKBITS",
  32946: "DEFLATE",
  50000: "ZSTD",
  50001: "WEBP",
};

/**
 * @throws SkySenseError `RASTER_DAMAGED` | `RASTER_UNSUPPORTED` (GDAL may still read it) | `RASTER_TOO_LARGE`
 */
export async function tiffImage(path: string, tiff: TiffStructure, directory: Directory): Promise<TiffImage> {
  const one = async (tag: number, fallback: number): Promise<number> =>
    (await tiff.numbers(directory, tag, 1 << 16))?.[0] ?? fallback;
  const width = await one(256, 0);
  const height = await one(257, 0);
  const samples = await one(277, 1);
  if (!(size(width) && size(height))) throw damaged(path, `the file claims an image of ${width} × ${height} pixels`);
  if (!(samples >= 1 && samples <= 65535)) throw damaged(path, `the file claims ${samples} bands`);

  const bits = same(path, "bits", await tiff.numbers(directory, 258), 1);
  const format = same(path, "sample formats", await tiff.numbers(directory, 339), 1);
  // Format 4 is "undefined", which readers take as unsigned.
  const type = types[`${bits}/${format === 4 ? 1 : format}`];
  if (type === undefined) throw sampleError(path, bits, format);
  const compression = await one(259, 1);
  if (compressions[compression] === undefined) {
    const fax = compression >= 2 && compression <= 4;
    throw (fax ? unsupportedHere : unsupported)(path, `TIFF compression ${compression}`);
  }
  if ((await one(266, 1)) === 2) throw unsupportedHere(path, "TIFF bytes with reversed bit order");
  if ((await one(274, 1)) > 8) throw damaged(path, "an impossible TIFF orientation");
  const predictor = await one(317, 1);
  const predicted = compression === 5 || compression === 8 || compression === 32946 || compression === 50000;
  if (predicted && !predictorFits(predictor, bits, format)) {
    throw (predictor === 2 ? unsupportedHere : damaged)(
      path,
      `TIFF predictor ${predictor} with samples of ${bits} bits in format ${format}`,
    );
  }
  const photometric = await one(262, samples >= 3 ? 2 : 1);
  if (photometric === 6 && compression !== 7 && compression !== 50001) {
    throw unsupportedHere(path, "a TIFF in YCbCr colours without JPEG compression");
  }
  const planar = await one(284, 1);
  if (planar !== 1 && planar !== 2) throw damaged(path, `TIFF planar configuration ${planar}`);
  const blockSamples = planar === 1 ? samples : 1;

  const tiled = directory.has(324) || directory.has(322);
  const blockWidth = tiled ? await one(322, 0) : width;
  let blockHeight = tiled ? await one(323, 0) : Math.min(await one(278, height), height);
  if (!(size(blockWidth) && size(blockHeight))) {
    throw damaged(path, `the file claims blocks of ${blockWidth} × ${blockHeight} pixels`);
  }
  const rowBytes = Math.ceil((blockWidth * blockSamples * bits) / 8);
  // One strip for the whole uncompressed image: its rows can be read from anywhere.
  const sliced = !tiled && compression === 1 && blockHeight === height && rowBytes * height > sliceBytes;
  if (sliced) blockHeight = Math.max(1, Math.floor(sliceBytes / rowBytes));
  const unpackedBytes = blockWidth * blockHeight * blockSamples * Math.ceil(bits / 8);
  if (unpackedBytes > maxBlockBytes) {
    throw tooLarge(
      path,
      `one block of the file holds ${Math.round(unpackedBytes / 2 ** 20)} MiB`,
      "Rewrite it in smaller tiles: gdal_translate -of COG in.tif out.tif.",
    );
  }
  const columns = Math.ceil(width / blockWidth);
  const rows = Math.ceil(height / blockHeight);
  const planes = samples / blockSamples;

  async function readBlocks(): Promise<ByteRange[]> {
    const count = sliced ? planes : columns * rows * planes;
    const limit = Math.max(count, 1 << 16);
    const offsets = await tiff.numbers(directory, tiled ? 324 : 273, limit);
    const lengths = await tiff.numbers(directory, tiled ? 325 : 279, limit);
    if (!offsets || !lengths || offsets.length < count || lengths.length < count) {
      throw damaged(path, `the file lists ${offsets?.length ?? 0} of its ${count} blocks`);
    }
    if (!sliced) return Array.from({ length: count }, (_, i) => ({ offset: offsets[i]!, length: lengths[i]! }));
    const out: ByteRange[] = [];
    for (let plane = 0; plane < planes; plane++) {
      if (lengths[plane] !== 0 && lengths[plane]! < rowBytes * height) {
        throw damaged(path, `a strip has ${lengths[plane]} bytes, its image needs ${rowBytes * height}`);
      }
      for (let row = 0; row < height; row += blockHeight) {
        const length = lengths[plane] === 0 ? 0 : rowBytes * Math.min(blockHeight, height - row);
        out.push({ offset: offsets[plane]! + row * rowBytes, length });
      }
    }
    return out;
  }
  let blocks: Promise<ByteRange[]> | undefined;

  return {
    ...{ width, height, samples, bits, type, compression, photometric, blockWidth, blockHeight, tiled },
    ...{ blockSamples, columns, rows },
    littleEndian: tiff.littleEndian,
    predictor: predicted ? predictor : 1,
    extraSamples: (await tiff.numbers(directory, 338)) ?? [],
    jpegTables: await tiff.bytes(directory, 347),
    subfile: await one(254, 0),
    blocks() {
      blocks ??= readBlocks();
      return blocks;
    },
  };
}

/** Rows stored in a block of block row `row`: strips end with the image. */
export function storedRows({ tiled, blockHeight, height }: TiffImage, row: number): number {
  return tiled ? blockHeight : Math.min(blockHeight, height - row * blockHeight);
}

function sampleError(path: string, bits: number, format: number): Error {
  if (format === 5 || format === 6)
    return unsupported(path, "complex numbers", "Convert it to amplitude or decibels.");
  const odd = bits >= 1 && bits <= 32 && format >= 1 && format <= 4; // 12 bits, half floats, …
  return (odd ? unsupportedHere : damaged)(path, `samples of ${bits} bits in TIFF sample format ${format}`);
}

function size(n: number): boolean {
  return Number.isInteger(n) && n >= 1 && n < 2 ** 31;
}

function same(path: string, what: string, values: number[] | undefined, fallback: number): number {
  const first = values?.[0] ?? fallback;
  if (values?.some((v) => v !== first)) throw unsupportedHere(path, `bands with different TIFF ${what}`);
  return first;
}

function predictorFits(predictor: number, bits: number, format: number): boolean {
  if (predictor === 1) return true;
  if (predictor === 2) return bits === 8 || bits === 16 || bits === 32;
  return predictor === 3 && format === 3;
}

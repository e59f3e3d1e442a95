import { promisify } from "node:util";
import { inflate as inflateCallback } from "node:zlib";
import { getDecoder } from "geotiff";
import sharp from "sharp";
import { SkySenseError } from "../../core/error.ts";
import { damaged } from "./errors.ts";
import { jpegFrame, withTables } from "./jpeg-tables.ts";
import { tiffAroundBytes } from "./tiff-around-bytes.ts";
import type { TiffImage } from "./tiff-image.ts";
import { packedBytes } from "./unpack.ts";
import { checkWebpLength } from "./webp.ts";
import { zstdFrameWithSize } from "./zstd-frame.ts";

const inflate = promisify(inflateCallback);

/**
 * Undo the compression of one TIFF block, off the main thread except for ZSTD and PackBits, which are fast enough.
 *
 * @throws SkySenseError `RASTER_DAMAGED` when the block is truncated or broken
 */
export async function decompress(
  path: string,
  image: TiffImage,
  packed: Uint8Array,
  rows: number,
): Promise<Uint8Array> {
  const need = packedBytes(image, rows);
  checkRatio(path, image, packed, need);
  try {
    switch (image.compression) {
      case 1:
        return packed;
      case 8:
      case 32946:
        // Some writers store whole blocks at the lower edge; more than that is not a block of this image.
        return await inflate(packed, {
          chunkSize: Math.max(need + 64, 1024),
          maxOutputLength: Math.max(packedBytes(image, image.blockHeight), need) + 64,
        });
      case 5:
        return await lzw(packed, image, rows);
      case 7:
      case 50001:
        if (image.compression === 50001) checkWebpLength(path, packed, packed.length);
        return await picture(image, packed, rows);
      case 32773:
        return packBits(packed, need);
      default:
        return await zstd(packed, need);
    }
  } catch (cause) {
    if (cause instanceof SkySenseError) throw cause;
    throw damaged(path, "a block of the image is damaged", cause);
  }
}

/** The most that a byte can become, by compression: a bound on what a small file can make us allocate. */
const maxRatio: Record<number, number> = { 5: 4096, 8: 1040, 32946: 1040, 32773: 64 };

function checkRatio(path: string, { compression }: TiffImage, packed: Uint8Array, need: number): void {
  const most = packed.length * (maxRatio[compression] ?? (compression === 1 ? 1 : Number.POSITIVE_INFINITY));
  if (most < need) throw damaged(path, `a block has ${packed.length} bytes, too few for the ${need} it should hold`);
}

/**
 * libtiff inside sharp undoes LZW 20 times as fast as JavaScript. To it the block is a grey 8-bit image whose rows are
 * the block's bytes, so any sample type passes unchanged.
 */
async function lzw(packed: Uint8Array, image: TiffImage, rows: number): Promise<Uint8Array> {
  const width = packedBytes(image, 1);
  const tiff = tiffAroundBytes(packed, { width, height: rows, compression: image.compression });
  return sharp(tiff, { failOn: "warning", limitInputPixels: false }).extractChannel(0).raw().toBuffer();
}

/** JPEG or WebP: pixels come out, in RGB where the TIFF says YCbCr. */
async function picture(image: TiffImage, packed: Uint8Array, rows: number): Promise<Uint8Array> {
  const { blockWidth, blockHeight, blockSamples: samples, jpegTables } = image;
  if (image.compression === 7 && samples !== 1 && samples !== 3) {
    // libjpeg takes four components for CMYK; geotiff.js leaves them as they are. It believes the frame header.
    const frame = jpegFrame(packed);
    if (frame.width !== blockWidth || frame.height > blockHeight || frame.components !== samples) {
      throw new Error(`a JPEG of ${frame.width} × ${frame.height} pixels in ${frame.components} components`);
    }
    const decoder = await getDecoder(7, {
      ...{ tileWidth: blockWidth, tileHeight: blockHeight, predictor: 1, bitsPerSample: 8, planarConfiguration: 1 },
      ...(jpegTables && { JPEGTables: jpegTables }),
    });
    return new Uint8Array((await decoder.decode(packed.slice().buffer)) as ArrayBuffer);
  }
  const file = image.compression === 7 ? withTables(packed, jpegTables, { ycbcr: image.photometric === 6 }) : packed;
  const decoded = await sharp(file, { failOn: "truncated", limitInputPixels: blockWidth * blockHeight })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = decoded.info;
  if (width !== blockWidth || height < rows || height > blockHeight) {
    throw new Error(`a block of ${width} × ${height} pixels where ${blockWidth} × ${rows} are due`);
  }
  return channels === samples ? decoded.data : chooseChannels(decoded.data, channels, samples);
}

/** Three or four channels where the file has one (sharp makes grey RGB), or an alpha that was all opaque left out. */
function chooseChannels(data: Uint8Array, from: number, to: number): Uint8Array {
  const pixels = data.length / from;
  const out = new Uint8Array(pixels * to).fill(255);
  for (let s = 0; s < Math.min(from, to); s++) {
    for (let i = 0; i < pixels; i++) out[i * to + s] = data[i * from + s]!;
  }
  return out;
}

async function zstd(packed: Uint8Array, need: number): Promise<Uint8Array> {
  const frame = zstdFrameWithSize(packed, need);
  const decoder = await getDecoder(50000, {
    ...{ tileWidth: 1, tileHeight: 1, predictor: 1, bitsPerSample: 8, planarConfiguration: 1 },
  });
  return new Uint8Array((await decoder.decode(frame.slice().buffer)) as ArrayBuffer);
}

/** @see TIFF 6.0 section 9 */
function packBits(packed: Uint8Array, need: number): Uint8Array {
  const out = new Uint8Array(need);
  let at = 0;
  for (let i = 0; i < packed.length && at < need; ) {
    const n = (packed[i++]! << 24) >> 24;
    if (n >= 0) {
      const run = packed.subarray(i, i + n + 1);
      if (run.length < n + 1) throw new Error("a run ends after the block");
      out.set(run.subarray(0, need - at), at);
      at += n + 1;
      i += n + 1;
    } else if (n !== -128) {
      if (i >= packed.length) throw new Error("a run ends after the block");
      out.fill(packed[i++]!, at, at + 1 - n);
      at += 1 - n;
    }
  }
  return out.subarray(0, Math.min(at, need));
}

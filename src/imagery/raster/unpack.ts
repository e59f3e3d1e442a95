import type { RasterData, RasterType } from "../raster.ts";
import { damaged } from "./errors.ts";
import type { TiffImage } from "./tiff-image.ts";

export const arrayTypes = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const satisfies Record<RasterType, unknown>;

export const typeBytes: Record<RasterType, number> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  float64: 8,
};

/** @returns An array of `length` zeros. */
export function newData(type: RasterType, length: number): RasterData {
  return new arrayTypes[type](length);
}

/** Bytes that `rows` rows of a block take before compression. */
export function packedBytes({ blockWidth, blockSamples, bits }: TiffImage, rows: number): number {
  return Math.ceil((blockWidth * blockSamples * bits) / 8) * rows;
}

/**
 * Decompressed bytes of a TIFF block to values: predictor undone, native byte order, band after band.
 *
 * @param bytes At least `packedBytes(image, rows)`; may be changed.
 * @returns [blockSamples, rows, blockWidth]
 * @throws SkySenseError `RASTER_DAMAGED` when there are too few bytes
 */
export function unpack(path: string, image: TiffImage, bytes: Uint8Array, rows: number): RasterData {
  const { bits, type, predictor, blockWidth: width, blockSamples: samples } = image;
  const need = packedBytes(image, rows);
  if (bytes.length < need) throw damaged(path, `a block holds ${bytes.length} bytes where ${need} are due`);
  const packed = bytes.subarray(0, need);
  const out = newData(type, samples * rows * width);
  if (bits < 8) {
    unpackBits(packed, out as Uint8Array, { bits, samples, rows, width });
    return out;
  }
  const size = bits / 8;
  if (predictor === 3) {
    undoFloatPredictor(packed, { size, samples, rows, width });
  } else if (size > 1 && !image.littleEndian) {
    swapBytes(packed, size);
  }
  if (samples === 1 && predictor !== 2) {
    new Uint8Array(out.buffer).set(packed);
    return out;
  }
  // Predictor and reordering only move and add bits, so signed and float samples go as unsigned ones.
  const from = aligned(packed, size);
  const Words = size === 8 ? Float64Array : size === 4 ? Uint32Array : size === 2 ? Uint16Array : Uint8Array;
  const src = new Words(from.buffer as ArrayBuffer, from.byteOffset, need / size);
  const dst = new Words(out.buffer as ArrayBuffer);
  const layout = { samples, rows, width };
  if (samples === 3 && size < 8) splitThree(src, dst, layout, predictor === 2);
  else (predictor === 2 ? splitDifferences : split)(src, dst, layout);
  return out;
}

type Words = Uint8Array | Uint16Array | Uint32Array | Float64Array;
interface Layout {
  samples: number;
  rows: number;
  width: number;
}

/** [rows, width, samples] → [samples, rows, width]. */
function split(src: Words, dst: Words, { samples, rows, width }: Layout): void {
  for (let row = 0; row < rows; row++) {
    for (let s = 0; s < samples; s++) {
      let i = row * width * samples + s;
      const start = (s * rows + row) * width;
      for (let o = start; o < start + width; o++) {
        dst[o] = src[i]!;
        i += samples;
      }
    }
  }
}

/** The same, adding up the differences along each row (TIFF 6.0 section 14); storing wraps around as it must. */
function splitDifferences(src: Words, dst: Words, { samples, rows, width }: Layout): void {
  for (let row = 0; row < rows; row++) {
    for (let s = 0; s < samples; s++) {
      let i = row * width * samples + s;
      const start = (s * rows + row) * width;
      let sum = 0;
      for (let o = start; o < start + width; o++) {
        sum = (sum + src[i]!) | 0;
        dst[o] = sum;
        i += samples;
      }
    }
  }
}

/** Both of the above for three samples, in one pass: twice as fast on what most images are. */
function splitThree(src: Words, dst: Words, { rows, width }: Layout, differences: boolean): void {
  const keep = differences ? -1 : 0;
  const plane = rows * width;
  let i = 0;
  for (let row = 0; row < rows; row++) {
    let [a, b, c] = [0, 0, 0];
    for (let o = row * width; o < (row + 1) * width; o++) {
      a = ((a & keep) + src[i]!) | 0;
      b = ((b & keep) + src[i + 1]!) | 0;
      c = ((c & keep) + src[i + 2]!) | 0;
      dst[o] = a;
      dst[o + plane] = b;
      dst[o + 2 * plane] = c;
      i += 3;
    }
  }
}

/**
 * Floating-point predictor: each row holds its values' most significant bytes, then the next ones, as differences.
 * The order of bytes is big-endian whatever the file's. Leaves native (little-endian) values in place.
 *
 * @see Adobe Photoshop TIFF Technical Note 3 (2005)
 */
function undoFloatPredictor(bytes: Uint8Array, { size, samples, rows, width }: Layout & { size: number }): void {
  const values = width * samples;
  const rowBytes = values * size;
  const row = new Uint8Array(rowBytes);
  for (let r = 0; r < rows; r++) {
    const at = r * rowBytes;
    for (let i = samples; i < rowBytes; i++) bytes[at + i] = bytes[at + i]! + bytes[at + i - samples]!;
    row.set(bytes.subarray(at, at + rowBytes));
    for (let b = 0; b < size; b++) {
      const plane = (size - 1 - b) * values;
      for (let i = 0; i < values; i++) bytes[at + i * size + b] = row[plane + i]!;
    }
  }
}

/** Samples of 1, 2 or 4 bits, most significant first, rows starting at a byte. */
function unpackBits(src: Uint8Array, dst: Uint8Array, layout: Layout & { bits: number }): void {
  const { bits, samples, rows, width } = layout;
  const rowBytes = Math.ceil((width * samples * bits) / 8);
  const mask = (1 << bits) - 1;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width * samples; i++) {
      const bit = i * bits;
      const value = (src[row * rowBytes + (bit >> 3)]! >> (8 - bits - (bit & 7))) & mask;
      dst[((i % samples) * rows + row) * width + Math.floor(i / samples)] = value;
    }
  }
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}

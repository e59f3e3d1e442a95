/** Values that images are kept in. */
export type Samples = Uint8Array | Int16Array | Float32Array;

/** Pixels of one axis that a result is made of: result i = Σ weights[i·count + k] · source[first[i] + k]. */
export interface Taps {
  first: Int32Array;
  count: number;
  weights: Float32Array;
}

/**
 * Bilinear interpolation of a stretch of one axis onto `size` pixels, by pixel centres. Pixels outside of the stretch
 * are never used, as if it had been cut out before.
 *
 * @param options.antialias  when shrinking, widen the triangle to the size of a result's pixel (Pillow, torchvision's
 *   `antialias=True`); without, the two nearest pixels are interpolated whatever the ratio
 */
export function bilinearTaps(
  { start, length }: { start: number; length: number },
  size: number,
  { antialias, reverse = false }: { antialias: boolean; reverse?: boolean },
): Taps {
  const step = length / size;
  const reach = antialias ? Math.max(step, 1) : 1;
  const count = Math.min(length, Math.ceil(2 * reach)); // pixels strictly within reach of a centre
  const first = new Int32Array(size);
  const weights = new Float32Array(size * count);
  for (let i = 0; i < size; i++) {
    const centre = ((reverse ? size - 1 - i : i) + 0.5) * step - 0.5;
    // Where the triangle sticks out of the stretch, the pixels inside share its weight.
    const from = Math.min(Math.max(Math.floor(centre - reach) + 1, 0), length - count);
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = Math.max(0, 1 - Math.abs(from + k - centre) / reach);
      weights[i * count + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < count; k++) weights[i * count + k]! /= sum;
    first[i] = start + from;
  }
  return { first, count, weights };
}

/** Nearest pixel of a stretch for each of `size` results. */
export function nearestTaps(
  { start, length }: { start: number; length: number },
  size: number,
  { reverse = false }: { reverse?: boolean } = {},
): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => {
    const at = reverse ? size - 1 - i : i;
    return start + Math.min(length - 1, Math.floor(((at + 0.5) * length) / size));
  });
}

/** Rows between the two passes; grows as needed. Threads do not share it. */
let between = new Float32Array(0);
let line = new Float32Array(0);

/**
 * Resample one plane along both axes.
 *
 * @param source  [height, width], from `offset` on
 * @param options.transpose  write [columns, rows] instead of [rows, columns]
 * @param options.scale  factor on every value
 */
export function resamplePlane(
  source: Samples,
  { offset, width, rows, columns }: { offset: number; width: number; rows: Taps; columns: Taps },
  { out, at, transpose, scale }: { out: Float32Array; at: number; transpose: boolean; scale: number },
): void {
  const height = rows.first.length;
  const across = columns.first.length;
  const [top, bottom] = span(rows);
  const [left, right] = span(columns);
  if (between.length < (bottom - top) * across) between = new Float32Array((bottom - top) * across);
  if (line.length < right - left) line = new Float32Array(right - left);
  for (let row = top; row < bottom; row++) {
    const from = offset + row * width;
    line.set(source.subarray(from + left, from + right)); // one conversion to floats, by the engine
    alongRow(line, left, columns, between, (row - top) * across);
  }
  for (let i = 0; i < height; i++) {
    const start = (rows.first[i]! - top) * across;
    const [to, step] = transpose ? [at + i, height] : [at + i * across, 1];
    combineRows(start, across, rows.weights.subarray(i * rows.count, (i + 1) * rows.count), scale, out, to, step);
  }
}

function span({ first, count }: Taps): [start: number, end: number] {
  const last = first.length - 1;
  return [Math.min(first[0]!, first[last]!), Math.max(first[0]!, first[last]!) + count];
}

function alongRow(
  row: Float32Array,
  left: number,
  { first, count, weights }: Taps,
  out: Float32Array,
  at: number,
): void {
  const size = first.length;
  if (count === 2) {
    for (let i = 0; i < size; i++) {
      const from = first[i]! - left;
      out[at + i] = weights[2 * i]! * row[from]! + weights[2 * i + 1]! * row[from + 1]!;
    }
    return;
  }
  for (let i = 0; i < size; i++) {
    const from = first[i]! - left;
    let sum = 0;
    for (let k = 0; k < count; k++) sum += weights[i * count + k]! * row[from + k]!;
    out[at + i] = sum;
  }
}

function combineRows(
  start: number,
  across: number,
  weights: Float32Array,
  scale: number,
  out: Float32Array,
  to: number,
  step: number,
): void {
  const count = weights.length;
  const rows = between;
  if (count === 2) {
    const [a, b] = [weights[0]! * scale, weights[1]! * scale];
    for (let j = 0; j < across; j++) out[to + j * step] = a * rows[start + j]! + b * rows[start + across + j]!;
    return;
  }
  for (let j = 0; j < across; j++) {
    let sum = 0;
    for (let k = 0; k < count; k++) sum += weights[k]! * rows[start + k * across + j]!;
    out[to + j * step] = sum * scale;
  }
}

/** How one axis of a target lies over one axis of a source, in source pixels. */
export interface Axis {
  /** Target pixel size; negative: the other way round. */
  step: number;
  /** Source position of the target's outer edge 0. */
  origin: number;
  /** Length of the source. */
  length: number;
  /** How many target pixels beyond the source's edge repeat its nearest pixel. */
  reach: number;
}

/** Weights of source pixels for a run of target pixels. */
export interface Taps {
  /** First source pixel of any tap, and how many are needed; 0: the run lies outside. */
  first: number;
  count: number;
  pixels: { first: number; weights: Float64Array; outside: boolean }[];
  /** Every target pixel is one source pixel. */
  plain: boolean;
}

/** Of a target pixel that is one source pixel: shared, since most are. */
const whole: Float64Array = Float64Array.of(1);

/** Snap what is the same grid but for rounding, or shifted by next to nothing. */
export function axis(options: Axis): Axis {
  const step = Math.abs(Math.abs(options.step) - 1) < 1e-6 ? Math.sign(options.step) : options.step;
  const near = Math.round(options.origin);
  const origin = Math.abs(step) === 1 && Math.abs(options.origin - near) < 0.05 ? near : options.origin;
  return { ...options, step, origin };
}

/**
 * Triangle filter, as wide as the larger of the two pixels: bilinear when refining, an area average when coarsening.
 * What Pillow and GDAL call antialiased bilinear.
 */
export function taps({ step, origin, length, reach }: Axis, from: number, to: number): Taps {
  const support = Math.max(1, Math.abs(step));
  let first = Number.POSITIVE_INFINITY;
  let last = -1;
  let plain = true;
  const pixels = Array.from({ length: to - from }, (_, i) => {
    let centre = (from + i + 0.5) * step + origin;
    const outside = centre < 0 || centre > length;
    if (outside) {
      if (Math.max(-centre, centre - length) >= reach * Math.abs(step)) {
        plain = false;
        return { first: 0, weights: new Float64Array(0), outside };
      }
      centre = Math.min(Math.max(centre, 0.5), length - 0.5);
    }
    let start = Math.max(0, Math.ceil(centre - support - 0.5 + 1e-9));
    let end = Math.min(length - 1, Math.floor(centre + support - 0.5 - 1e-9));
    if (end < start) start = end = Math.min(length - 1, Math.max(0, Math.floor(centre)));
    const weights = start === end ? whole : triangle(start, end, { centre, support });
    if (weights.length !== 1) plain = false;
    first = Math.min(first, start);
    last = Math.max(last, end);
    return { first: start, weights, outside };
  });
  return last < 0 ? { first: 0, count: 0, pixels, plain: false } : { first, count: last - first + 1, pixels, plain };
}

/** Weights of the source pixels from start to end; their sum is 1. */
function triangle(
  start: number,
  end: number,
  { centre, support }: { centre: number; support: number },
): Float64Array {
  const weights = Float64Array.from({ length: end - start + 1 }, (_, j) =>
    Math.max(1e-12, 1 - Math.abs(start + j + 0.5 - centre) / support),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * One plane of the target, from the source window that starts at (cols.first, rows.first).
 *
 * NaN in the source is no data: it takes no part, and a target pixel with less than half of its weight on data is NaN.
 *
 * @param source [rows.count, cols.count]
 * @param out  Gets the result, [rows.pixels, cols.pixels].
 */
export function resamplePlane(
  source: Float32Array,
  cols: Taps,
  rows: Taps,
  out = new Float32Array(cols.pixels.length * rows.pixels.length),
): Float32Array {
  const [width, height] = [cols.pixels.length, rows.pixels.length];
  if (cols.count === 0 || rows.count === 0) return out.fill(Number.NaN);
  if (cols.plain && rows.plain) {
    const from = cols.pixels[0]!.first - cols.first;
    const straight = cols.pixels.every(({ first }, x) => first === cols.pixels[0]!.first + x);
    for (let y = 0; y < height; y++) {
      const line = (rows.pixels[y]!.first - rows.first) * cols.count;
      if (straight) out.set(source.subarray(line + from, line + from + width), y * width);
      else for (let x = 0; x < width; x++) out[y * width + x] = source[line + cols.pixels[x]!.first - cols.first]!;
    }
    return out;
  }
  const sums = new Float64Array(rows.count * width);
  const weights = new Float64Array(rows.count * width);
  for (let y = 0; y < rows.count; y++) {
    for (let x = 0; x < width; x++) {
      const tap = cols.pixels[x]!;
      const line = y * cols.count + tap.first - cols.first;
      for (let j = 0; j < tap.weights.length; j++) {
        const value = source[line + j]!;
        if (Number.isNaN(value)) continue;
        sums[y * width + x]! += tap.weights[j]! * value;
        weights[y * width + x]! += tap.weights[j]!;
      }
    }
  }
  for (let y = 0; y < height; y++) {
    const tap = rows.pixels[y]!;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      let weight = 0;
      for (let j = 0; j < tap.weights.length; j++) {
        const at = (tap.first - rows.first + j) * width + x;
        sum += tap.weights[j]! * sums[at]!;
        weight += tap.weights[j]! * weights[at]!;
      }
      out[y * width + x] = weight >= 0.5 - 1e-9 ? sum / weight : Number.NaN;
    }
  }
  return out;
}

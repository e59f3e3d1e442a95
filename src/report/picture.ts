import type { ImageStack, SensorName } from "../core/place.ts";

/** Colours as a screen shows them: [height, width, 4], red, green, blue, alpha, 0 to 255; alpha 0 is nodata. */
export interface Picture {
  width: number;
  height: number;
  rgba: Uint8ClampedArray;
}

/** Values that become 0 and 1. */
export interface Stretch {
  low: number;
  high: number;
}

/**
 * The values at two quantiles: what lies outside saturates, so one bright roof does not darken the rest.
 *
 * @param values  Not all equal to NaN; NaN and infinities are left out. No value at all gives 0 to 1.
 */
export function quantileStretch(values: ArrayLike<number>, { below = 0.01, above = 0.99 } = {}): Stretch {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
  if (sorted.length === 0) return { low: 0, high: 1 };
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  return { low: at(below), high: at(above) };
}

/** `value` on a stretch, 0 to 1; a stretch without width shows everything as middle grey. */
export function stretched(value: number, { low, high }: Stretch): number {
  // A width of rounding errors is none: it would show noise as contrast.
  if (high - low <= 1e-9 * Math.max(Math.abs(low), Math.abs(high))) return 0.5;
  return Math.max(0, Math.min(1, (value - low) / (high - low)));
}

/** Values that stretches are estimated from: enough for one part in a thousand at the quantiles. */
const sampledPixels = 100_000;

/**
 * One date of a stack as an eye expects it: aerial images as they are, Sentinel-2 in true colour, Sentinel-1 as VV, VH
 * and VV − VH (water dark blue, towns yellow to white, forests green), the last two stretched to their quantiles.
 * Where these bands are missing, the first three are shown, or the only one in grey.
 */
export function trueColour(stack: ImageStack, { sensor, date = 0 }: { sensor: SensorName; date?: number }): Picture {
  const [, bands, height, width] = stack.shape;
  const size = height * width;
  const plane = (band: number) => stack.data.subarray((date * bands + band) * size, (date * bands + band + 1) * size);
  const valid = stack.mask?.subarray(date * size, (date + 1) * size);
  const channels = channelsOf(stack.bands, sensor).map(([plus, minus]) => difference(plane(plus), minus, plane));
  const stretches = channels.map((channel) =>
    sensor === "hr" ? { low: 0, high: 255 } : quantileStretch(sample(channel, valid)),
  );
  const rgba = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    if (valid?.[i] === 0) continue;
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = 255 * stretched(channels[c]![i]!, stretches[c]!);
    rgba[4 * i + 3] = 255;
  }
  return { width, height, rgba };
}

/** For red, green and blue: the band that is shown, or the two whose difference is. */
function channelsOf(names: readonly string[], sensor: SensorName): [plus: number, minus?: number][] {
  const at = (...wanted: string[]) => wanted.map((name) => names.indexOf(name));
  if (sensor === "s1") {
    const [vv, vh] = at("VV", "VH") as [number, number];
    if (vv >= 0 && vh >= 0) return [[vv], [vh], [vv, vh]];
  } else {
    const found = sensor === "s2" ? at("B04", "B03", "B02") : at("R", "G", "B");
    if (found.every((band) => band >= 0)) return found.map((band) => [band]);
  }
  return names.length >= 3 ? [[0], [1], [2]] : [[0], [0], [0]];
}

function difference(plus: Float32Array, minus: number | undefined, plane: (band: number) => Float32Array) {
  if (minus === undefined) return plus;
  const other = plane(minus);
  return plus.map((value, i) => value - other[i]!);
}

function sample(values: Float32Array, valid: Uint8Array | undefined): number[] {
  const step = Math.max(1, Math.floor(values.length / sampledPixels));
  const out: number[] = [];
  for (let i = 0; i < values.length; i += step) if (valid?.[i] !== 0) out.push(values[i]!);
  return out;
}

/** Every pixel as a square of so many. */
export function enlarged({ width, height, rgba }: Picture, times: number): Picture {
  if (times === 1) return { width, height, rgba };
  const [wide, tall] = [width * times, height * times];
  const out = new Uint8ClampedArray(4 * wide * tall);
  for (let y = 0; y < tall; y++) {
    for (let x = 0; x < wide; x++) {
      const from = 4 * (Math.floor(y / times) * width + Math.floor(x / times));
      for (let c = 0; c < 4; c++) out[4 * (y * wide + x) + c] = rgba[from + c]!;
    }
  }
  return { width: wide, height: tall, rgba: out };
}

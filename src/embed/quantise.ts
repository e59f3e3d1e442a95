/** value = stored · scale + offset, a band. */
export interface Quantisation {
  scale: Float64Array;
  offset: Float64Array;
}

/** The stored number that means "no data"; the others are −127 … 127. */
export const int8NoData = -128;

/** Smallest and largest value of each channel over valid cells. */
export interface Ranges {
  min: Float64Array;
  max: Float64Array;
}

export function emptyRanges(channels: number): Ranges {
  return { min: new Float64Array(channels).fill(Infinity), max: new Float64Array(channels).fill(-Infinity) };
}

/** Widen ranges by [cells, channels]; cells that hold NaN are left out. */
export function widenRanges({ min, max }: Ranges, data: Float32Array): void {
  const channels = min.length;
  for (let i = 0; i < data.length; i += channels) {
    if (Number.isNaN(data[i])) continue;
    for (let c = 0; c < channels; c++) {
      const value = data[i + c]!;
      if (value < min[c]!) min[c] = value;
      if (value > max[c]!) max[c] = value;
    }
  }
}

/** Evenly spaced steps over each channel's whole range: the error is half a step, 0.2 % of the range at most. */
export function quantisationOf({ min, max }: Ranges): Quantisation {
  const offset = min.map((low, c) => (Number.isFinite(low) ? (low + max[c]!) / 2 : 0));
  const scale = min.map((low, c) => (max[c]! > low ? (max[c]! - low) / 254 : 1));
  return { scale, offset };
}

/** [rows · width, channels] → int8 [channels, rows · width]. */
export function quantise(data: Float32Array, { scale, offset }: Quantisation): Int8Array {
  const channels = scale.length;
  const cells = data.length / channels;
  const out = new Int8Array(data.length);
  for (let cell = 0; cell < cells; cell++) {
    for (let c = 0; c < channels; c++) {
      const value = data[cell * channels + c]!;
      out[c * cells + cell] = Number.isNaN(value) ? int8NoData : Math.round((value - offset[c]!) / scale[c]!);
    }
  }
  return out;
}

/** [rows · width, channels] → float32 [channels, rows · width]. */
export function bandMajor(data: Float32Array, channels: number): Float32Array {
  const cells = data.length / channels;
  const out = new Float32Array(data.length);
  for (let cell = 0; cell < cells; cell++) {
    for (let c = 0; c < channels; c++) out[c * cells + cell] = data[cell * channels + c]!;
  }
  return out;
}

import type { Random } from "../../core/random.ts";

export interface SentinelOptions {
  /** A gain a date and band of 1 ± this. In decibels, where it is an offset, it is that of the linear value. */
  gain?: number;
  /** An offset a date and band: standard deviation, in those of the band. */
  offset?: number;
  /** Looks of multiplicative speckle on Sentinel-1: fewer is more. Absent: none. */
  speckleLooks?: number;
}

/**
 * Change one Sentinel-2 image [bands, pixels] in place, reflectance × 10⁴: x ← g · x + o for every band.
 * @param deviations  of the bands
 */
export function changeReflectance(
  image: Float32Array,
  deviations: readonly number[],
  { gain = 0, offset = 0 }: SentinelOptions,
  random: Random,
): void {
  const pixels = image.length / deviations.length;
  for (const [band, deviation] of deviations.entries()) {
    const factor = 1 + gain * (2 * random.uniform() - 1);
    const shift = offset * deviation * random.normal();
    for (let p = band * pixels; p < (band + 1) * pixels; p++) image[p] = factor * image[p]! + shift;
  }
}

/** Change one Sentinel-1 image [bands, pixels] in place, dB: x ← x + 10 lg g + o + 10 lg s with speckle s. */
export function changeBackscatter(
  image: Float32Array,
  deviations: readonly number[],
  { gain = 0, offset = 0, speckleLooks }: SentinelOptions,
  random: Random,
): void {
  const pixels = image.length / deviations.length;
  for (const [band, deviation] of deviations.entries()) {
    const shift = decibels(1 + gain * (2 * random.uniform() - 1)) + offset * deviation * random.normal();
    for (let p = band * pixels; p < (band + 1) * pixels; p++) {
      image[p]! += speckleLooks === undefined ? shift : shift + decibels(speckle(speckleLooks, random));
    }
  }
}

const decibels = (value: number) => (10 / Math.LN10) * Math.log(value);

/**
 * Multi-look intensity speckle: gamma distributed with mean 1 and variance 1/looks (Goodman 1976).
 * @see Marsaglia & Tsang 2000, "A simple method for generating gamma variables"; looks ≥ 1
 */
export function speckle(looks: number, random: Random): number {
  const d = looks - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  while (true) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(random.uniform()) < 0.5 * x * x + d * (1 - v + Math.log(v))) return (d * v) / looks;
  }
}

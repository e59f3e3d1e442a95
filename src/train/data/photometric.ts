import type { Random } from "../../core/random.ts";
import { hue } from "./colour.ts";

/** Strengths of mmseg's `PhotoMetricDistortion`, on values 0 to 1; each change is made with probability one half. */
export interface PhotometricOptions {
  /** Added, ±; mmseg: 32 of 255. */
  brightness: number;
  /** Factor, [min, max]; mmseg: 0.5 to 1.5. */
  contrast: readonly [min: number, max: number];
  saturation: readonly [min: number, max: number];
  /** Turns of the colour circle, ±; mmseg: 18 of OpenCV's 180 steps. */
  hue: number;
}

export const mmsegPhotometric: PhotometricOptions = {
  brightness: 32 / 255,
  contrast: [0.5, 1.5],
  saturation: [0.5, 1.5],
  hue: 0.1,
};

/**
 * Brightness, then contrast, saturation and hue, or contrast last; in place on [bands, pixels], red, green and blue
 * first. As mmseg: contrast is a plain factor, saturation that of HSV. Bands after the third take part in brightness
 * and contrast alone.
 */
export function distortColours(
  image: Float32Array,
  pixels: number,
  options: PhotometricOptions,
  random: Random,
): void {
  const within = ([min, max]: readonly [number, number]) => min + random.uniform() * (max - min);
  // All are drawn whatever happens, so that what one draws does not depend on another.
  const coins = Array.from({ length: 5 }, () => random.uniform() < 0.5);
  const shift = within([-options.brightness, options.brightness]);
  const factor = within(options.contrast);
  const colour = within(options.saturation);
  const turns = within([-options.hue, options.hue]);
  const [brightens, contrasts, saturates, turnsHue, contrastLast] = coins;
  if (brightens) affine(image, 1, shift);
  if (contrasts && !contrastLast) affine(image, factor, 0);
  if (saturates) saturate(image, colour, pixels);
  if (turnsHue) hue(image, turns, pixels);
  if (contrasts && contrastLast) affine(image, factor, 0);
}

/** x ← factor · x + shift, cut to 0…1. */
function affine(image: Float32Array, factor: number, shift: number): void {
  for (let i = 0; i < image.length; i++) image[i] = Math.min(Math.max(image[i]! * factor + shift, 0), 1);
}

/** Saturation of HSV times a factor, cut to 0…1; hue and value stay. */
function saturate(image: Float32Array, factor: number, pixels: number): void {
  for (let p = 0; p < pixels; p++) {
    const [r, g, b] = [image[p]!, image[pixels + p]!, image[2 * pixels + p]!];
    const value = Math.max(r, g, b);
    const chroma = value - Math.min(r, g, b);
    if (chroma === 0) continue;
    const k = Math.min(factor, value / chroma); // saturation is chroma / value
    image[p] = value - (value - r) * k;
    image[pixels + p] = value - (value - g) * k;
    image[2 * pixels + p] = value - (value - b) * k;
  }
}

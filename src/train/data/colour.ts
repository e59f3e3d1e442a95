import type { Random } from "../../core/random.ts";

/*
 * Photometric changes of optical images [bands, pixels] in place, values 0 to 1. The first three bands are red, green
 * and blue; further ones (near infrared) take part in brightness, contrast, blur and solarisation alone. Definitions
 * and factors are torchvision's.
 */

/** Luma of ITU-R BT.601, with torchvision's four digits. */
const luma = [0.2989, 0.587, 0.114] as const;

/** x ← f · x, cut to 0…1. */
export function brightness(image: Float32Array, factor: number): void {
  for (let i = 0; i < image.length; i++) {
    image[i] = clamp(image[i]! * factor);
  }
}

/** x ← m + f · (x − m) with m the mean of the grey image, cut to 0…1. */
export function contrast(image: Float32Array, factor: number, pixels: number): void {
  let sum = 0;
  for (let p = 0; p < pixels; p++) {
    sum += luma[0] * image[p]! + luma[1] * image[pixels + p]! + luma[2] * image[2 * pixels + p]!;
  }
  const rest = (1 - factor) * (sum / pixels);
  for (let i = 0; i < image.length; i++) {
    image[i] = clamp(image[i]! * factor + rest);
  }
}

/** x ← g + f · (x − g) with g the grey value of the pixel, cut to 0…1. */
export function saturation(image: Float32Array, factor: number, pixels: number): void {
  for (let p = 0; p < pixels; p++) {
    const [r, g, b] = [image[p]!, image[pixels + p]!, image[2 * pixels + p]!];
    const rest = (1 - factor) * (luma[0] * r + luma[1] * g + luma[2] * b);
    image[p] = clamp(r * factor + rest);
    image[pixels + p] = clamp(g * factor + rest);
    image[2 * pixels + p] = clamp(b * factor + rest);
  }
}

/** Turn the hue of HSV by `turns` of the colour circle, −0.5 to 0.5; value and saturation stay. */
export function hue(image: Float32Array, turns: number, pixels: number): void {
  const shift = 6 * (turns - Math.floor(turns));
  for (let p = 0; p < pixels; p++) {
    const [r, g, b] = [image[p]!, image[pixels + p]!, image[2 * pixels + p]!];
    const value = Math.max(r, g, b);
    const least = Math.min(r, g, b);
    const chroma = value - least;
    if (chroma === 0) continue; // grey has no hue
    // Sixths of the circle from red, 0 to 6.
    const sixths =
      value === r ? (g - b) / chroma + (g < b ? 6 : 0) : value === g ? (b - r) / chroma + 2 : (r - g) / chroma + 4;
    const turned = sixths + shift >= 6 ? sixths + shift - 6 : sixths + shift;
    // Every channel is the same trapezoid over the circle, a third apart.
    image[p] = value - chroma * trapezoid(turned + 5);
    image[pixels + p] = value - chroma * trapezoid(turned + 3);
    image[2 * pixels + p] = value - chroma * trapezoid(turned + 1);
  }
}

/** How far a channel is below the value, in chromas: f(n) = max(0, min(k, 4 − k, 1)), k = n mod 6. */
function trapezoid(n: number): number {
  const k = n >= 6 ? n - 6 : n;
  return clamp(Math.min(k, 4 - k));
}

/** Red, green and blue become the grey value of the pixel. */
export function grey(image: Float32Array, pixels: number): void {
  for (let p = 0; p < pixels; p++) {
    const value = luma[0] * image[p]! + luma[1] * image[pixels + p]! + luma[2] * image[2 * pixels + p]!;
    image[p] = value;
    image[pixels + p] = value;
    image[2 * pixels + p] = value;
  }
}

/** x ← 1 − x where x ≥ threshold. */
export function solarise(image: Float32Array, threshold: number): void {
  for (let i = 0; i < image.length; i++) if (image[i]! >= threshold) image[i] = 1 - image[i]!;
}

function clamp(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}

export interface JitterOptions {
  /** Share of the images that it changes. Default 1. */
  probability?: number;
  /** Factors are drawn from 1 ± this, not below 0. */
  brightness?: number;
  contrast?: number;
  saturation?: number;
  /** Turns of the colour circle are drawn from ± this, at most 0.5. */
  hue?: number;
}

/** Change brightness, contrast, saturation and hue by random factors in random order. */
export function jitter(image: Float32Array, pixels: number, options: JitterOptions, random: Random): void {
  const draw = (amount = 0) => Math.max(0, 1 - amount) + random.uniform() * (1 + amount - Math.max(0, 1 - amount));
  // All are drawn whatever the options: one strength less does not change what the others draw.
  const factors = [draw(options.brightness), draw(options.contrast), draw(options.saturation)] as const;
  const turns = (2 * random.uniform() - 1) * (options.hue ?? 0);
  for (const step of random.shuffle([0, 1, 2, 3])) {
    if (step === 0 && options.brightness) brightness(image, factors[0]);
    if (step === 1 && options.contrast) contrast(image, factors[1], pixels);
    if (step === 2 && options.saturation) saturation(image, factors[2], pixels);
    if (step === 3 && options.hue) hue(image, turns, pixels);
  }
}

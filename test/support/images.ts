import { createRandom } from "../../src/core/random.ts";

/**
 * Values that look like land: bilinear noise at several scales, the coarse ones stronger, equal for a seed.
 * @returns [bands, height, width], about `mean` ± `spread`
 */
export function fractal(
  { bands, height, width }: { bands: number; height: number; width: number },
  { mean, spread, seed = 1 }: { mean: number; spread: number; seed?: number },
): Float32Array {
  const out = new Float32Array(bands * height * width).fill(mean);
  for (let b = 0; b < bands; b++) {
    for (let step = 64; step >= 2; step /= 2) {
      const random = createRandom(seed, b, step);
      const across = Math.ceil(width / step) + 2;
      const nodes = Float32Array.from({ length: across * (Math.ceil(height / step) + 2) }, () => random.normal());
      const gain = (spread * Math.sqrt(step / 64)) / 1.5;
      for (let y = 0; y < height; y++) {
        const [row, v] = [Math.floor(y / step), (y % step) / step];
        for (let x = 0; x < width; x++) {
          const at = row * across + Math.floor(x / step);
          const u = (x % step) / step;
          const top = nodes[at]! * (1 - u) + nodes[at + 1]! * u;
          const bottom = nodes[at + across]! * (1 - u) + nodes[at + across + 1]! * u;
          out[(b * height + y) * width + x]! += gain * (top * (1 - v) + bottom * v);
        }
      }
    }
  }
  return out;
}

/** The same, clamped to whole numbers 0–255. */
export function toBytes(data: Float32Array): Uint8Array {
  return Uint8Array.from(data, (value) => Math.min(255, Math.max(0, Math.round(value))));
}

/** A window [col, row, width, height] of [planes, height, width]. */
export function crop(
  data: Float32Array,
  [height, width]: readonly [number, number],
  [col, row, w, h]: readonly [number, number, number, number],
): Float32Array {
  const planes = data.length / (height * width);
  const out = new Float32Array(planes * h * w);
  for (let p = 0; p < planes; p++) {
    for (let y = 0; y < h; y++) {
      const from = (p * height + row + y) * width + col;
      out.set(data.subarray(from, from + w), (p * h + y) * w);
    }
  }
  return out;
}

/** ‖a − b‖ / ‖b‖ over all values, and the smallest cosine between rows of `channels`. */
export function difference(
  a: Float32Array,
  b: Float32Array,
  channels: number,
): { relativeL2: number; worstCosine: number } {
  let [error, sum, worstCosine] = [0, 0, 1];
  for (let i = 0; i < b.length; i += channels) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let k = i; k < i + channels; k++) {
      const [x, y] = [a[k]!, b[k]!];
      ab += x * y;
      aa += x * x;
      bb += y * y;
      error += (x - y) ** 2;
    }
    sum += bb;
    worstCosine = Math.min(worstCosine, ab / Math.sqrt(aa * bb));
  }
  return { relativeL2: Math.sqrt(error / sum), worstCosine };
}

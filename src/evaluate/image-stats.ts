import { type ImageStack, type Place, sensorNames } from "../core/place.ts";
import type { Extractor } from "./extractor.ts";

/**
 * The floor below all floors: mean, standard deviation, minimum and maximum of each band over the valid pixels of all
 * dates, sensors one after the other.
 */
export const imageStats: Extractor = {
  name: "ImageStats",
  parameters: 0,
  fingerprint: "ImageStats 1",
  extract: async (places) => places.map(statisticsOf),
};

function statisticsOf(place: Place): Float32Array {
  return Float32Array.from(
    sensorNames.flatMap((sensor) => {
      const stack = place[sensor];
      return stack === undefined ? [] : stack.bands.flatMap((_, b) => bandStatistics(stack, b));
    }),
  );
}

function bandStatistics({ data, mask, shape: [dates, bands, height, width] }: ImageStack, b: number): number[] {
  const pixels = height * width;
  let [count, sum, squares] = [0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  // Deviations from any pixel of the band: without that, squares of reflectances lose digits.
  const origin = data[b * pixels]!;
  for (let t = 0; t < dates; t++) {
    for (let p = 0; p < pixels; p++) {
      if (mask !== undefined && mask[t * pixels + p] === 0) continue;
      const value = data[(t * bands + b) * pixels + p]!;
      count++;
      sum += value - origin;
      squares += (value - origin) ** 2;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  const mean = sum / count;
  return [origin + mean, Math.sqrt(Math.max(0, squares / count - mean ** 2)), min, max];
}

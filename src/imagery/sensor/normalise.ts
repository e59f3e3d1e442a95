import { bug } from "../../core/error.ts";
import type { ImageStack } from "../../core/place.ts";
import type { SensorProfile } from "./profiles.ts";

/**
 * What the encoder sees: (value / div − mean) / std per band.
 *
 * @param options.masked  "mean" (default) sets masked pixels to 0, the band's mean; "keep" normalises what stands
 *   there. `Scene.read` already fills nodata with the mean and continues the image beyond its edge, so that partial
 *   cells look natural: keep its stacks.
 * @returns [dates, bands, height, width], row-major like `stack.data`
 */
export function normalise(
  { data, shape, bands, mask }: ImageStack,
  profile: SensorProfile,
  { masked = "mean" }: { masked?: "mean" | "keep" } = {},
): Float32Array {
  const [dates, count, height, width] = shape;
  const pixels = height * width;
  const out = new Float32Array(data.length);
  for (const [b, name] of bands.entries()) {
    const normalisation = profile.bands.find((band) => band.name === name)?.normalisation;
    if (normalisation === undefined) throw bug(`${profile.sensor} has no normalisation for band ${name}`);
    const { mean, std } = normalisation;
    const scale = 1 / (profile.div * std);
    const offset = mean / std;
    for (let t = 0; t < dates; t++) {
      const start = (t * count + b) * pixels;
      for (let p = start; p < start + pixels; p++) out[p] = data[p]! * scale - offset;
      if (masked === "keep" || mask === undefined) continue;
      for (let p = 0; p < pixels; p++) if (mask[t * pixels + p] === 0) out[start + p] = 0;
    }
  }
  return out;
}

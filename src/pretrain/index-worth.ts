import { type ImageStack, type Place, type SensorName, sensorNames } from "../core/place.ts";

/** Why a patch teaches nothing. */
export type Worthless = "empty" | "flat";

/** A patch must be valid to this share in an image of some sensor. */
const leastValid = 0.5;

/**
 * Standard deviation below which an image shows nothing: about that of open water with the noise of JPEG, and of snow
 * and water in Sentinel-2. Sentinel-1 is never flat: it has speckle.
 */
const leastDeviation: Readonly<Record<SensorName, number>> = { hr: 4, s2: 40, s1: 0 };

/** Whether a patch of a larger scene is worth learning from; undefined: it is. */
export function worthlessness(place: Place): Worthless | undefined {
  const stacks = sensorNames.flatMap((sensor) => (place[sensor] ? [{ sensor, stack: place[sensor] }] : []));
  const images = stacks.flatMap(({ sensor, stack }) =>
    Array.from({ length: stack.shape[0] }, (_, t) => ({ sensor, stack, t })),
  );
  const seen = images.filter(({ stack, t }) => validShare(stack, t) >= leastValid);
  if (seen.length === 0) return "empty";
  return seen.some(({ sensor, stack, t }) => greatestDeviation(stack, t) >= leastDeviation[sensor])
    ? undefined
    : "flat";
}

function validShare({ mask, shape }: ImageStack, t: number): number {
  if (mask === undefined) return 1;
  const pixels = shape[2] * shape[3];
  return mask.subarray(t * pixels, (t + 1) * pixels).reduce((sum, valid) => sum + valid, 0) / pixels;
}

/** Of the bands of one image, over its valid pixels. */
function greatestDeviation({ data, mask, shape }: ImageStack, t: number): number {
  const [, bands, height, width] = shape;
  const pixels = height * width;
  let greatest = 0;
  for (let b = 0; b < bands; b++) {
    let [count, sum, squares] = [0, 0, 0];
    for (let p = 0; p < pixels; p++) {
      if (mask?.[t * pixels + p] === 0) continue;
      const value = data[(t * bands + b) * pixels + p]!;
      count++;
      sum += value;
      squares += value * value;
    }
    if (count > 0) greatest = Math.max(greatest, Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2)));
  }
  return greatest;
}

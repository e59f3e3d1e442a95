import { type SensorName, sensorNames } from "../../core/place.ts";
import { profiles } from "../../imagery/sensor/profiles.ts";
import type { KeptPlace, KeptStack } from "./kept-place.ts";
import { ignoredLabel } from "./label-map.ts";

/**
 * A place made larger at the right and the bottom: images go on with the mean of their bands, which is 0 when
 * normalised, and labels count for nothing there (mmseg's `Pad`).
 *
 * @param units  Height and width of the place in pixels of its coarsest sensor, and what they are to become.
 */
export function fillUp(
  place: KeptPlace,
  { from, to }: { from: readonly [height: number, width: number]; to: readonly [height: number, width: number] },
): KeptPlace {
  const out: KeptPlace = { ...place };
  const grown = (height: number, width: number) => [(height / from[0]) * to[0], (width / from[1]) * to[1]] as const;
  for (const sensor of sensorNames) {
    const stack = place[sensor];
    if (stack !== undefined) out[sensor] = fillStack(sensor, stack, grown(stack.shape[2], stack.shape[3]));
  }
  const { labelMap } = place;
  if (labelMap !== undefined) {
    const [height, width] = grown(labelMap.height, labelMap.width);
    const data = new Uint8Array(height * width).fill(ignoredLabel);
    copyRows(labelMap.data, labelMap, { data, at: 0, width });
    out.labelMap = { data, height, width };
  }
  return out;
}

function fillStack(sensor: SensorName, stack: KeptStack, [height, width]: readonly [number, number]): KeptStack {
  const [dates, count, h, w] = stack.shape;
  const { bands: known, div } = profiles[sensor];
  const data = new (stack.data.constructor as Float32ArrayConstructor)(dates * count * height * width);
  for (let image = 0; image < dates * count; image++) {
    const mean = known.find(({ name }) => name === stack.bands[image % count])?.normalisation?.mean ?? 0;
    const at = image * height * width;
    const fill = stack.data instanceof Float32Array ? mean * div : Math.round(mean * div);
    data.fill(fill, at, at + height * width);
    const plane = stack.data.subarray(image * h * w, (image + 1) * h * w);
    copyRows(plane, { height: h, width: w }, { data, at, width });
  }
  let { mask } = stack;
  if (mask !== undefined) {
    const grown = new Uint8Array(dates * height * width).fill(1);
    for (let t = 0; t < dates; t++) {
      const plane = mask.subarray(t * h * w, (t + 1) * h * w);
      copyRows(plane, { height: h, width: w }, { data: grown, at: t * height * width, width });
    }
    mask = grown;
  }
  return { ...stack, data, mask, shape: [dates, count, height, width] };
}

function copyRows<T extends { set(values: ArrayLike<number>, at: number): void }>(
  source: { subarray(from: number, to: number): ArrayLike<number> },
  { height, width }: { height: number; width: number },
  to: { data: T; at: number; width: number },
): void {
  for (let row = 0; row < height; row++) {
    to.data.set(source.subarray(row * width, (row + 1) * width), to.at + row * to.width);
  }
}

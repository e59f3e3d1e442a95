import type { ImageStack } from "../../core/place.ts";
import { ignoredLabel, type LabelMap } from "./label-map.ts";

type Masked = Pick<ImageStack, "shape" | "mask">;

/** Where images show something on all of their dates, or on any of them: [height, width] of 1 and 0; undefined: everywhere. */
export function seenPixels(
  { mask, shape: [dates, , height, width] }: Masked,
  { on }: { on: "all dates" | "any date" },
): Uint8Array | undefined {
  if (!mask?.includes(0)) return undefined;
  const plane = height * width;
  const out = mask.slice(0, plane);
  for (let p = plane; p < dates * plane; p++) {
    if (on === "all dates") out[p % plane]! &= mask[p]!;
    else out[p % plane]! |= mask[p]!;
  }
  return out.includes(0) ? out : undefined;
}

/**
 * Labels without those of pixels that no image shows: nothing can be learnt from them, or be judged by them.
 *
 * @param stacks  The images of the place by sensor, on grids of the same ground.
 * @param options.compared  Images of several moments are compared, so that a pixel needs all of them; else one is enough.
 */
export function seenLabels(
  labels: LabelMap,
  stacks: readonly Masked[],
  { compared = false }: { compared?: boolean } = {},
): LabelMap {
  const seen = stacks.map((stack) => seenPixels(stack, { on: compared ? "all dates" : "any date" }));
  if (compared ? seen.every((one) => one === undefined) : seen.includes(undefined)) return labels;
  const { width, height } = labels;
  const data = labels.data.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const shown = stacks.map(({ shape: [, , tall, wide] }, i) => {
        const at = Math.floor((y * tall) / height) * wide + Math.floor((x * wide) / width);
        return seen[i]?.[at] !== 0;
      });
      if (!(compared ? shown.every(Boolean) : shown.some(Boolean))) data[y * width + x] = ignoredLabel;
    }
  }
  return { data, width, height };
}

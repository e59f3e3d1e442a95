import { type SensorName, sensorNames } from "../../core/place.ts";
import type { AugmentedPlace, AugmentedStack, Recipe } from "./augment.ts";
import { ignoredLabel } from "./label-map.ts";

/** The images of one sensor of all samples of a batch. Series of fewer dates than the longest are filled with zeros. */
export interface StackBatch {
  /** [B, T, C, H, W], normalised; T is the most dates that a sample has. With one date it reads as [B, C, H, W]. */
  data: Float32Array<ArrayBuffer>;
  shape: readonly [samples: number, dates: number, bands: number, height: number, width: number];
  bands: readonly string[];
  /** [B, T]: 1 where there is an image, 0 where there is none. */
  present: Uint8Array<ArrayBuffer>;
  /** [B, T, H, W], 1 valid, 0 not; undefined: every image that is present is valid everywhere. */
  mask: Uint8Array<ArrayBuffer> | undefined;
  /** [B][T], ISO 8601; undefined where it is not known or there is no image. */
  dates: (string | undefined)[][];
}

/** Stack places; sensors that none of them has are absent. */
export function assembleStacks(
  places: readonly AugmentedPlace[],
  { sensors }: Pick<Recipe, "sensors">,
): { [sensor in SensorName]?: StackBatch } {
  const out: { [sensor in SensorName]?: StackBatch } = {};
  for (const sensor of sensorNames) {
    const wanted = sensors[sensor];
    const stacks = places.map((place) => place[sensor]);
    if (wanted !== undefined && stacks.some((stack) => stack !== undefined)) out[sensor] = assemble(stacks, wanted);
  }
  return out;
}

function assemble(
  stacks: readonly (AugmentedStack | undefined)[],
  { size, bands }: { size: number; bands: readonly string[] },
): StackBatch {
  const count = Math.max(...stacks.map((stack) => stack?.dates.length ?? 0));
  const pixels = size * size;
  const data = new Float32Array(stacks.length * count * bands.length * pixels);
  const present = new Uint8Array(stacks.length * count);
  const masked = stacks.some((stack) => stack?.mask !== undefined);
  const mask = masked ? new Uint8Array(stacks.length * count * pixels) : undefined;
  for (const [i, stack] of stacks.entries()) {
    if (stack === undefined) continue;
    const at = i * count;
    data.set(stack.data, at * bands.length * pixels);
    present.fill(1, at, at + stack.dates.length);
    if (stack.mask !== undefined) mask?.set(stack.mask, at * pixels);
    else mask?.fill(1, at * pixels, (at + stack.dates.length) * pixels);
  }
  const dates = stacks.map((stack) => Array.from({ length: count }, (_, t) => stack?.dates[t]));
  return { data, shape: [stacks.length, count, bands.length, size, size], bands, present, mask, dates };
}

/** The label maps of places that are alike in size; what has none counts for nothing. undefined: none has one. */
export function assembleLabelMaps(places: readonly AugmentedPlace[]): Uint8Array<ArrayBuffer> | undefined {
  const length = places.find(({ labelMap }) => labelMap !== undefined)?.labelMap?.length;
  if (length === undefined) return undefined;
  const out = new Uint8Array(places.length * length).fill(ignoredLabel);
  for (const [i, { labelMap }] of places.entries()) if (labelMap !== undefined) out.set(labelMap, i * length);
  return out;
}

/** The memory of a batch, to hand it to another thread without a copy. */
export function arraysOf({
  views,
  labels,
  labelMaps,
}: {
  views: readonly { stacks: { [sensor in SensorName]?: StackBatch } }[];
  labels: Float32Array<ArrayBuffer>;
  labelMaps: Uint8Array<ArrayBuffer> | undefined;
}): ArrayBuffer[] {
  const stacks = views.flatMap((view) => Object.values(view.stacks));
  const arrays = stacks.flatMap(({ data, present, mask }) => [data, present, mask]);
  return [labels, labelMaps, ...arrays].flatMap((array) => (array === undefined ? [] : [array.buffer]));
}

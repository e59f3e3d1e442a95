import type { Random } from "../core/random.ts";
import type { HostTensor } from "../runtime/session.ts";
import type { LoadedBatch } from "../train/data/make-batch.ts";
import type { StackBatch } from "../train/data/stack-batch.ts";
import type { StepState } from "./feeds.ts";
import { defaultMasking, type Masking } from "./settings.ts";

/**
 * The feeds of `maskedGraph`: the HR images of both global views, and what of them is masked.
 */
export function maskedFeeds(batch: LoadedBatch, { settings, randomOf }: StepState): Record<string, HostTensor> {
  const { masking = defaultMasking } = settings;
  const stacks = batch.views.slice(0, 2).flatMap(({ stacks: { hr } }) => hr ?? []);
  const [, , bands, height, width] = stacks[0]!.shape;
  const size = bands * height * width;
  const images: Float32Array[] = [];
  const masks: Float32Array[] = [];
  for (let i = 0; i < batch.samples; i++) {
    for (const stack of stacks) {
      const image = i * stack.shape[1];
      if (stack.present[image] === 0) continue;
      images.push(stack.data.subarray(image * size, (image + 1) * size));
      masks.push(drawMask(wholePatches(stack, image, masking.patch), masking, randomOf(i)));
    }
  }
  const shape = [height / masking.patch, width / masking.patch];
  return {
    "hr.image": { data: joined(images), shape: [images.length, bands, height, width] },
    "hr.masked": { data: joined(masks), shape: [images.length, ...shape] },
  };
}

/**
 * Draw what is masked: that part of the patches, rounded.
 *
 * @param whole  [patches]: 0 for patches that are never masked, since part of them is not known.
 * @returns [patches]: 1, or 0 for what stays.
 */
export function drawMask(whole: Uint8Array, { ratio }: Pick<Masking, "ratio">, random: Random): Float32Array {
  const known = Array.from(whole.keys()).filter((patch) => whole[patch] === 1);
  const masked = new Float32Array(whole.length);
  for (const patch of random.shuffle(known).slice(0, Math.round(ratio * known.length))) masked[patch] = 1;
  return masked;
}

/** 1 for patches all of whose pixels are valid. */
function wholePatches({ mask, shape: [, , , height, width] }: StackBatch, image: number, side: number): Uint8Array {
  const columns = width / side;
  const whole = new Uint8Array((height / side) * columns).fill(1);
  if (mask === undefined) return whole;
  for (let p = 0; p < height * width; p++) {
    if (mask[image * height * width + p] === 1) continue;
    whole[Math.floor(p / width / side) * columns + Math.floor((p % width) / side)] = 0;
  }
  return whole;
}

function joined(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

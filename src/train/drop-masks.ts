import { createRandom, type Random } from "../core/random.ts";
import { fixedShape } from "../graph/shape.ts";
import type { DropMask } from "../model/training.ts";
import type { HostTensor } from "../runtime/session.ts";
import { type Share, shareOf } from "./data/order.ts";

/**
 * Draw the masks of a step: each entry 0 with its mask's probability, else 1/(1 − rate), so that the mean is kept.
 *
 * @param options.batch  What the symbolic extent of the masks is in this step.
 * @returns Feeds by the names of the graph's inputs.
 */
export function drawMasks(
  masks: readonly DropMask[],
  { batch, random }: { batch: number; random: Random },
): Record<string, HostTensor> {
  return Object.fromEntries(
    masks.map(({ name, shape, rate }) => {
      const fixed = fixedShape(shape, batch);
      const length = fixed.reduce((n, extent) => n * extent, 1);
      const data = Float32Array.from({ length }, () => (random.uniform() < rate ? 0 : 1 / (1 - rate)));
      return [name, { data, shape: fixed }];
    }),
  );
}

/**
 * Draw the masks of a step for the samples of all processes, of which each takes its part: so that what is dropped of a
 * sample does not depend on how many processes there are.
 *
 * @param options.batchSize  Of all processes.
 */
export function drawShare(
  masks: readonly DropMask[],
  { batchSize, seed, step, share }: { batchSize: number; seed: number; step: number; share: Share },
): Record<string, HostTensor> {
  const [from, to] = shareOf(batchSize, share);
  const drawn = drawMasks(masks, { batch: batchSize, random: createRandom(seed, "drop path", step) });
  return Object.fromEntries(
    Object.entries(drawn).map(([name, { data, shape }]) => {
      const row = data.length / batchSize;
      // A sample may have several rows, as the cells of a place do.
      const rows = (shape[0]! / batchSize) * (to - from);
      return [name, { data: data.slice(from * row, to * row), shape: [rows, ...shape.slice(1)] }];
    }),
  );
}

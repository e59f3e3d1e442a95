import type { Random } from "../core/random.ts";
import { fixedShape } from "../graph/shape.ts";
import type { DropMask } from "../model/training.ts";
import type { HostTensor } from "../runtime/session.ts";

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

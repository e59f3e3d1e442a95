import { abs } from "../graph/ops/abs.ts";
import { adaptiveAvgPoolImage } from "../graph/ops/adaptive-avg-pool.ts";
import { concat } from "../graph/ops/concat.ts";
import { resizeImage } from "../graph/ops/resize.ts";
import { sub } from "../graph/ops/sub.ts";
import { scope, type Tensor } from "../graph/tensor.ts";
import { conv, initConv } from "./conv.ts";
import { type BufferUpdates, convNorm, initConvNorm } from "./conv-norm.ts";
import { datesOf } from "./pairs.ts";
import type { Bound } from "./parameters.ts";

/** The decoder of a U-Net on absolute differences of features (Mañas et al. 2021, arXiv:2103.16607, for OSCD). */
export interface DifferenceConfig {
  /** Channels of each level, the finest first. */
  levels: readonly number[];
  classes: number;
  /** Width of every level in the head. */
  channels: number;
}

export function initDifferenceHead({ levels, classes, channels }: DifferenceConfig) {
  return {
    lateral_convs: levels.map((inputs) => initConvNorm(inputs, channels, 1)),
    blocks: levels.map((_, k) => {
      const inputs = k === levels.length - 1 ? channels : 2 * channels;
      return [initConvNorm(inputs, channels, 3), initConvNorm(channels, channels, 3)];
    }),
    conv_seg: initConv(channels, classes, { kernel: 1 }),
  };
}

export type DifferenceParams = Bound<ReturnType<typeof initDifferenceHead>>;

/**
 * Class scores of pairs of images, which follow each other in the batch.
 *
 * @param maps   [2·batch, channels, h, w] of each level.
 * @param sizes  [h, w] of each level in the U-Net, the finest first: maps of a Vision Transformer, which are all of one
 *   size, are made larger or smaller.
 * @returns Logits [batch, classes, h, w] at the finest size.
 */
export function differenceHead(
  p: DifferenceParams,
  maps: readonly Tensor[],
  sizes: readonly (readonly [height: number, width: number])[],
  { updates }: { updates?: BufferUpdates | undefined } = {},
): Tensor {
  const differences = maps.map((map, k) =>
    resized(convNorm(p.lateral_convs[k]!, abs(sub(...datesOf(map))), { updates }), sizes[k]!),
  );
  const block = (k: number, x: Tensor) => p.blocks[k]!.reduce((y, part) => convNorm(part, y, { updates }), x);
  const last = maps.length - 1;
  let x = scope(`blocks.${last}`, () => block(last, differences[last]!));
  for (let k = last - 1; k >= 0; k--) {
    const finer = concat([resized(x, sizes[k]!), differences[k]!], { axis: 1 });
    x = scope(`blocks.${k}`, () => block(k, finer));
  }
  return scope("conv_seg", () => conv(p.conv_seg, x));
}

/** Larger by interpolation, smaller by means. */
function resized(x: Tensor, [height, width]: readonly [number, number]): Tensor {
  const [h, w] = x.shape.slice(2) as [number, number];
  if (h === height && w === width) return x;
  if (height <= h && width <= w) return adaptiveAvgPoolImage(x, [height, width]);
  return resizeImage(x, [height, width], { mode: "bilinear" });
}

import { mul } from "../graph/ops/mul.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { recompute } from "../graph/recompute.ts";
import type { Shape } from "../graph/shape.ts";
import { input, type Tensor } from "../graph/tensor.ts";

/** A mask that the caller feeds at every step: 0 with probability `rate`, else 1/(1 − rate). */
export interface DropMask {
  /** Name of the graph's input, `drop.<path>`. */
  name: string;
  /** The leading axes of what is masked: [batch], or [batch, channels]. */
  shape: Shape;
  rate: number;
}

/** x times a mask over its first `axes` axes; x itself at a rate of 0. */
export type Drop = (x: Tensor, options: { path: string; rate: number; axes?: number }) => Tensor;

/**
 * Random masks as inputs of the graph, so that every device drops the same.
 *
 * @param prefix  Put before each path, where a model has several encoders: "backbone_hr.".
 * @returns `drop` for a module to call, and the masks that it asked for.
 */
export function dropInputs(prefix = ""): { drop: Drop; masks: DropMask[] } {
  const masks: DropMask[] = [];
  const drop: Drop = (x, { path, rate, axes = 1 }) => {
    if (rate === 0) return x;
    const mask: DropMask = { name: `drop.${prefix}${path}`, shape: x.shape.slice(0, axes), rate };
    masks.push(mask);
    return mul(x, reshape(input(mask.name, mask.shape), [...mask.shape, ...x.shape.slice(axes).map(() => 1)]));
  };
  return { drop, masks };
}

/** What only training does to an encoder. */
export interface EncoderTraining {
  /** Stochastic depth (Huang et al. 2016, arXiv:1603.09382): the rate rises from 0 in the first block to `rate`. */
  dropPath?: { rate: number; drop: Drop } | undefined;
  /** Keep each block's input only and compute its inside again on the way back. */
  recompute?: boolean | undefined;
}

/** The residual branch "attn" or "ffn" of one block, dropped where training drops it. */
export type PathDropper = (branch: Tensor, name: string) => Tensor;

/** Drops branches of block `index` of `count`, whose path is `path`. */
export function pathDropper(
  { dropPath }: EncoderTraining,
  { path, index, count }: { path: string; index: number; count: number },
): PathDropper {
  const rate = dropPath === undefined || count === 1 ? 0 : (dropPath.rate * index) / (count - 1);
  return (branch, name) => dropPath?.drop(branch, { path: `${path}.${name}`, rate }) ?? branch;
}

/** `build` as training wants it: in one piece that is computed again on the way back, or as it is. */
export function keepOrRecompute<T>({ recompute: again }: EncoderTraining, build: () => T): T {
  return again === true ? recompute(build) : build();
}

import { gelu } from "../graph/ops/gelu.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { transpose } from "../graph/ops/transpose.ts";
import type { Tensor } from "../graph/tensor.ts";
import { initTransformerLinear, linear } from "../model/linear.ts";
import type { Bound, Initial } from "../model/parameters.ts";
import { unit } from "../train/losses/cosine.ts";

/** Sizes of a projection head. */
export interface HeadConfig {
  hidden: number;
  bottleneck: number;
  /** Directions that features are compared with. */
  prototypes: number;
}

/** A head for features of `width` channels. */
export function initHead(width: number, { hidden, bottleneck, prototypes }: HeadConfig) {
  const direction: Initial = { kind: "normal", std: 1 / Math.sqrt(bottleneck) };
  return {
    mlp: [
      initTransformerLinear(width, hidden),
      initTransformerLinear(hidden, hidden),
      initTransformerLinear(hidden, bottleneck),
    ],
    last: { weight: { shape: [prototypes, bottleneck], initial: direction } },
  };
}

export type HeadParams = Bound<ReturnType<typeof initHead>>;

/**
 * The head of DINO (Caron et al. 2021, arXiv:2104.14294, appendix C): three layers, length one, and cosines with
 * prototypes of length one.
 *
 * @param x  [..., width].
 * @returns `embedding` [..., bottleneck] of length one, `logits` [..., prototypes] from −1 to 1.
 */
export function project({ mlp, last }: HeadParams, x: Tensor): { embedding: Tensor; logits: Tensor } {
  const [first, second, third] = mlp as [(typeof mlp)[number], (typeof mlp)[number], (typeof mlp)[number]];
  const embedding = unit(linear(third, gelu(linear(second, gelu(linear(first, x))))));
  return { embedding, logits: matMul(embedding, transpose(unit(last.weight), [1, 0])) };
}

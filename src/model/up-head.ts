import { reshape } from "../graph/ops/reshape.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { initLinear, kaimingNormal, linear } from "./linear.ts";
import type { Bound } from "./parameters.ts";
import type { TokenMap } from "./patch-embed.ts";

/** Brings the patch grid of S2 and S1 to the grid of the fusion (specification §3.1). */
export interface UpHeadConfig {
  width: number;
  outputWidth: number;
  scale: number;
  /**
   * Start with equal weights for all sub-cells of a cell, so that the map begins without a checkerboard (Aitken et al.
   * 2017, arXiv:1707.02937). Officially each starts for itself.
   */
  evenStart?: boolean;
}

export function initUpHead({ width, outputWidth, scale, evenStart = false }: UpHeadConfig) {
  const channels = outputWidth * scale ** 2;
  const { weight, bias } = initLinear(width, channels, {
    weight: { ...kaimingNormal(width), ...(evenStart && { repeat: scale ** 2 }) },
    bias: { kind: "constant", value: 0 },
  });
  // Officially a 1 × 1 convolution, whose weight has two more axes.
  return { decoder: { 0: { weight: { ...weight, shape: [channels, width, 1, 1] }, bias } } };
}

export type UpHeadParams = Bound<ReturnType<typeof initUpHead>>;

/** 1 × 1 convolution and pixel shuffle: tokens [batch, h·w, width] → [batch, (h·r)·(w·r), outputWidth]. */
export function upHead({ decoder }: UpHeadParams, { x, grid: [h, w] }: TokenMap, config: UpHeadConfig): TokenMap {
  const { weight, bias } = decoder[0];
  const [channels, width] = weight.shape as [number, number];
  const { scale: r, outputWidth } = config;
  const batch = x.shape[0]!;
  const y = linear({ weight: reshape(weight, [channels, width]), bias }, x);
  // Channel c·r² + dy·r + dx of a cell becomes channel c of its sub-cell (dy, dx).
  const shuffled = transpose(reshape(y, [batch, h, w, outputWidth, r, r]), [0, 1, 4, 2, 5, 3]);
  return { x: reshape(shuffled, [batch, h * r * w * r, outputWidth]), grid: [h * r, w * r] };
}

import { relu } from "../../graph/ops/relu.ts";
import { reshape } from "../../graph/ops/reshape.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { xavierUniform } from "../conv.ts";
import { initLinear, linear } from "../linear.ts";
import type { Bound, Initial } from "../parameters.ts";

/** Classes and boxes of regions (official class `Shared2FCBBoxHead`, specification §6.1). */
export interface BoxHeadConfig {
  /** Channels of the regions' features, and bins of each of their axes. */
  inputs: number;
  size: number;
  /** Width of the two shared layers. */
  width: number;
  classes: number;
  /** Numbers that describe a box: 4, or 5 with an angle. */
  boxDims: number;
  /** One box a region instead of one a class. */
  classAgnostic: boolean;
}

export function initBoxHead({ inputs, size, width, classes, boxDims, classAgnostic }: BoxHeadConfig) {
  const bias: Initial = { kind: "constant", value: 0 };
  const normal = (std: number): Initial => ({ kind: "normal", std });
  const shared = (from: number) => initLinear(from, width, { weight: xavierUniform(from, width), bias });
  return {
    fc_cls: initLinear(width, classes + 1, { weight: normal(0.01), bias }),
    fc_reg: initLinear(width, boxDims * (classAgnostic ? 1 : classes), { weight: normal(0.001), bias }),
    shared_fcs: [shared(inputs * size ** 2), shared(width)],
  };
}

export type BoxHeadParams = Bound<ReturnType<typeof initBoxHead>>;

/**
 * @param regions  [n, inputs, size, size].
 * @returns `scores`: logits [n, classes + 1], the last one of the background; `deltas` [n, classes·boxDims].
 */
export function boxHead(p: BoxHeadParams, regions: Tensor): { scores: Tensor; deltas: Tensor } {
  const [n, channels, h, w] = regions.shape as [Tensor["shape"][number], number, number, number];
  const flat = reshape(regions, [n, channels * h * w]);
  const x = p.shared_fcs.reduce((y, layer) => relu(linear(layer, y)), flat);
  return { scores: linear(p.fc_cls, x), deltas: linear(p.fc_reg, x) };
}

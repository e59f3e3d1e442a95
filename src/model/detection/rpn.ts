import { relu } from "../../graph/ops/relu.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { conv, initConv } from "../conv.ts";
import type { Bound, Initial } from "../parameters.ts";

/** Region proposal network (Ren et al. 2015, arXiv:1506.01497; official class `RPNHead`, specification §6.1). */
export interface RpnConfig {
  /** Channels of the pyramid. */
  inputs: number;
  channels: number;
  /** Anchors of a cell. */
  anchors: number;
  /** Numbers by which one of them moves: 4, or 6 to oriented boxes. */
  boxDims: number;
}

export function initRpn({ inputs, channels, anchors, boxDims }: RpnConfig) {
  const weight: Initial = { kind: "normal", std: 0.01 };
  return {
    rpn_conv: initConv(inputs, channels, { kernel: 3, weight }),
    rpn_cls: initConv(channels, anchors, { kernel: 1, weight }),
    rpn_reg: initConv(channels, boxDims * anchors, { kernel: 1, weight }),
  };
}

export type RpnParams = Bound<ReturnType<typeof initRpn>>;

/**
 * Whether there is an object at each anchor, and how the anchor would have to move.
 *
 * @param map  One level [batch, inputs, h, w]; all levels share the weights.
 * @returns Logits [batch, anchors, h, w] and deltas [batch, anchors·boxDims, h, w].
 */
export function rpn(p: RpnParams, map: Tensor): { logits: Tensor; deltas: Tensor } {
  const x = relu(conv(p.rpn_conv, map));
  return { logits: conv(p.rpn_cls, x), deltas: conv(p.rpn_reg, x) };
}

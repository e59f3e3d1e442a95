import { add } from "../../graph/ops/add.ts";
import { maxPool } from "../../graph/ops/max-pool.ts";
import { resizeImage } from "../../graph/ops/resize.ts";
import { scope, type Tensor } from "../../graph/tensor.ts";
import { conv, initConv } from "../conv.ts";
import type { Bound } from "../parameters.ts";

/** Feature pyramid (Lin et al. 2017, arXiv:1612.03144; official class `FPN`, specification §6.1). */
export interface FpnConfig {
  /** Channels of each map that comes in, the finest first. */
  levels: readonly number[];
  /** Channels of every map that goes out. */
  channels: number;
  /** Maps that go out; those beyond the levels are every second cell of the one before. */
  outputs: number;
}

export function initFpn({ levels, channels }: FpnConfig) {
  return {
    lateral_convs: levels.map((inputs) => ({ conv: initConv(inputs, channels, { kernel: 1 }) })),
    fpn_convs: levels.map(() => ({ conv: initConv(channels, channels, { kernel: 3 }) })),
  };
}

export type FpnParams = Bound<ReturnType<typeof initFpn>>;

/**
 * Pᵢ = conv₃(Lᵢ), Lᵢ = conv₁(Cᵢ) + nearest(Lᵢ₊₁), with neither norm nor activation.
 *
 * @param maps  Cᵢ [batch, channels, h, w], the finest first.
 * @returns As many maps as the configuration says, the finest first.
 */
export function fpn(p: FpnParams, maps: readonly Tensor[], { outputs }: FpnConfig): Tensor[] {
  const lateral = p.lateral_convs.map((layer, i) => scope(`lateral_convs.${i}`, () => conv(layer.conv, maps[i]!)));
  for (let i = lateral.length - 1; i > 0; i--) {
    const size = lateral[i - 1]!.shape.slice(2) as [number, number];
    lateral[i - 1] = add(lateral[i - 1]!, resizeImage(lateral[i]!, size, { mode: "nearest" }));
  }
  const pyramid = lateral.map((x, i) => scope(`fpn_convs.${i}`, () => conv(p.fpn_convs[i]!.conv, x)));
  while (pyramid.length < outputs) pyramid.push(maxPool(pyramid.at(-1)!, { kernel: 1, stride: 2 }));
  return pyramid;
}

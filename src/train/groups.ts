import type { Treatment } from "./optimiser.ts";

/** How each parameter is trained, by its official name and shape. */
export type GroupRule = (name: string, shape: readonly number[]) => Treatment;

/** Everything at the full learning rate; one-dimensional parameters and biases do not decay. */
export const plainGroups: GroupRule = (name, shape) => ({
  lrScale: 1,
  decay: shape.length > 1 && !name.endsWith(".bias"),
});

/**
 * Layer-wise decay of the learning rate in a Swin Transformer V2 with heads, as the official fine-tuning has it
 * (specification §5.3: SwinV2LayerDecayOptimizerConstructor): rate^(L + 1 − id), L blocks, where the patch embedding
 * has the id 0, blocks count from 1, patch merging goes with the block after it, and all else has L + 1.
 *
 * @param options.prefix  Path of the encoder: the official detectors and segmenters call it "backbone.".
 */
export function swinLayerDecay({
  depths,
  rate,
  prefix = "backbone.",
}: {
  depths: readonly number[];
  rate: number;
  prefix?: string;
}): GroupRule {
  const before = depths.map((_, stage) => depths.slice(0, stage).reduce((sum, depth) => sum + depth, 0));
  const last = depths.reduce((sum, depth) => sum + depth, 0) + 1;
  const layerOf = (path: string): number => {
    if (/^(patch_embed|absolute_pos_embed)/.test(path)) return 0;
    const [, stage, block = "0"] = /^stages\.(\d+)\.(?:blocks\.(\d+)|downsample)\./.exec(path) ?? [];
    return stage === undefined ? last : before[Number(stage)]! + Number(block) + 1;
  };
  return (name, shape) => ({
    lrScale: rate ** (last - (name.startsWith(prefix) ? layerOf(name.slice(prefix.length)) : last)),
    // logit_scale [heads, 1, 1] decays.
    decay: shape.length > 1 && !name.endsWith(".bias") && !/pos_embed|cls_token/.test(name),
  });
}

/**
 * Layer-wise decay in a Vision Transformer, as SkySense++ has it (specification §5.3): rate^(L + 1 − id), L layers,
 * where embeddings and tokens have the id 0, layers count from 1, and all else has L + 1. Whether a parameter decays
 * goes by its name alone, so that `ln1.weight`, `cls_token` and `pos_embed` do.
 *
 * @param options.prefix  Path of the encoder; default: none.
 */
export function vitLayerDecay({
  layers,
  rate,
  prefix = "",
}: {
  layers: number;
  rate: number;
  prefix?: string;
}): GroupRule {
  const layerOf = (path: string): number => {
    if (/^(cls_token|mask_token|pos_embed|patch_embed)/.test(path)) return 0;
    const [, layer] = /^layers\.(\d+)\./.exec(path) ?? [];
    return layer === undefined ? layers + 1 : Number(layer) + 1;
  };
  return (name) => ({
    lrScale: rate ** (layers + 1 - (name.startsWith(prefix) ? layerOf(name.slice(prefix.length)) : layers + 1)),
    decay: !/norm|bias|absolute_pos_embed|relative_position_bias_table/.test(name),
  });
}

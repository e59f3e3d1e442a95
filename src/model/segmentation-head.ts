import { adaptiveAvgPoolImage } from "../graph/ops/adaptive-avg-pool.ts";
import { add } from "../graph/ops/add.ts";
import { concat } from "../graph/ops/concat.ts";
import { conv2d } from "../graph/ops/conv2d.ts";
import { resizeImage } from "../graph/ops/resize.ts";
import { scope, type Tensor } from "../graph/tensor.ts";
import { type BufferUpdates, convNorm, initConvNorm } from "./conv-norm.ts";
import { torchDefault } from "./linear.ts";
import type { Bound, Initial } from "./parameters.ts";
import type { Drop } from "./training.ts";

/** What both heads share. */
interface HeadConfig {
  channels: number;
  classes: number;
  /** How maps are resized; the official models do not align corners. */
  alignCorners: boolean;
  /** Rate at which whole channels are dropped before the last layer. */
  dropout: number;
}

/** Pyramid pooling and feature pyramid (Xiao et al. 2018, arXiv:1807.10221; official class `UPerHead`, §5.1). */
export interface UperHeadConfig extends HeadConfig {
  /** Channels of each level, the finest first. */
  levels: readonly number[];
  poolScales: readonly number[];
}

/** A few convolutions on one level (official class `FCNHead`). */
export interface FcnHeadConfig extends HeadConfig {
  inputs: number;
  convolutions: number;
  kernel: number;
  dilation: number;
  /** A last convolution sees the input again. */
  concatInput: boolean;
}

/** What training does; without it batch norms use their running statistics and nothing is dropped. */
export interface HeadTraining {
  /** Gets the new running statistics. */
  updates: BufferUpdates;
  drop?: Drop | undefined;
}

/**
 * 1 × 1 convolution to one map a class. Its weights start wider than mmseg's (a deviation of 0.01): where one class fills
 * most of the pixels, the first steps would turn all of them, on features that are never negative, towards that class,
 * and short runs would find no other.
 */
function initClassifier({ channels, classes }: HeadConfig) {
  const weight = torchDefault(channels);
  return {
    weight: { shape: [classes, channels, 1, 1], initial: weight },
    bias: { shape: [classes], initial: { kind: "constant", value: 0 } satisfies Initial },
  };
}

export function initUperHead(c: UperHeadConfig) {
  const top = c.levels.at(-1)!;
  const lower = c.levels.slice(0, -1);
  return {
    conv_seg: initClassifier(c),
    psp_modules: c.poolScales.map(() => ({ 1: initConvNorm(top, c.channels, 1) })),
    bottleneck: initConvNorm(top + c.poolScales.length * c.channels, c.channels, 3),
    lateral_convs: lower.map((inputs) => initConvNorm(inputs, c.channels, 1)),
    fpn_convs: lower.map(() => initConvNorm(c.channels, c.channels, 3)),
    fpn_bottleneck: initConvNorm(c.levels.length * c.channels, c.channels, 3),
  };
}

export type UperHeadParams = Bound<ReturnType<typeof initUperHead>>;

/**
 * Class scores at the finest level's size.
 *
 * @param maps  [batch, channels, h, w] of each level, the finest first.
 * @returns Logits [batch, classes, h, w].
 */
export function uperHead(
  p: UperHeadParams,
  maps: readonly Tensor[],
  config: UperHeadConfig,
  training?: HeadTraining,
): Tensor {
  const updates = training?.updates;
  const toSizeOf = (x: Tensor, like: Tensor) => resizeTo(x, like, config);
  const top = maps.at(-1)!;
  const pooled = p.psp_modules.map(({ 1: layer }, k) => {
    const scale = config.poolScales[k]!;
    return toSizeOf(convNorm(layer, adaptiveAvgPoolImage(top, [scale, scale]), { updates }), top);
  });
  const lateral = p.lateral_convs.map((layer, i) => convNorm(layer, maps[i]!, { updates }));
  lateral.push(convNorm(p.bottleneck, concat([top, ...pooled], { axis: 1 }), { updates }));
  for (let i = lateral.length - 1; i > 0; i--) {
    lateral[i - 1] = add(lateral[i - 1]!, toSizeOf(lateral[i]!, lateral[i - 1]!));
  }
  const levels = lateral.map((x, i) => {
    const layer = p.fpn_convs[i];
    return toSizeOf(layer === undefined ? x : convNorm(layer, x, { updates }), lateral[0]!);
  });
  return classify(p.conv_seg, convNorm(p.fpn_bottleneck, concat(levels, { axis: 1 }), { updates }), config, training);
}

export function initFcnHead(c: FcnHeadConfig) {
  const inputsOf = (i: number) => (i === 0 ? c.inputs : c.channels);
  return {
    conv_seg: initClassifier(c),
    convs: Array.from({ length: c.convolutions }, (_, i) => initConvNorm(inputsOf(i), c.channels, c.kernel)),
    conv_cat: c.concatInput ? initConvNorm(c.inputs + c.channels, c.channels, c.kernel) : undefined,
  };
}

export type FcnHeadParams = Bound<ReturnType<typeof initFcnHead>>;

/** Class scores of one level: [batch, inputs, h, w] → logits [batch, classes, h, w]. */
export function fcnHead(p: FcnHeadParams, x: Tensor, config: FcnHeadConfig, training?: HeadTraining): Tensor {
  const updates = training?.updates;
  const { dilation } = config;
  let y = p.convs.reduce((z, layer) => convNorm(layer, z, { dilation, updates }), x);
  if (p.conv_cat !== undefined) y = convNorm(p.conv_cat, concat([x, y], { axis: 1 }), { updates });
  return classify(p.conv_seg, y, config, training);
}

function resizeTo(x: Tensor, like: Tensor, { alignCorners }: HeadConfig): Tensor {
  const [h, w] = like.shape.slice(2) as [number, number];
  return resizeImage(x, [h, w], { mode: "bilinear", alignCorners });
}

function classify(
  { weight, bias }: { weight: Tensor; bias: Tensor },
  x: Tensor,
  { dropout: rate }: HeadConfig,
  training: HeadTraining | undefined,
): Tensor {
  const kept = training?.drop?.(x, { path: "dropout", rate, axes: 2 }) ?? x;
  return scope("conv_seg", () => conv2d(kept, weight, { bias }));
}

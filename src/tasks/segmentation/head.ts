import type { SensorName } from "../../core/place.ts";
import { resizeImage } from "../../graph/ops/resize.ts";
import { transpose } from "../../graph/ops/transpose.ts";
import { batchDim } from "../../graph/shape.ts";
import { input, scope, type Tensor } from "../../graph/tensor.ts";
import { foldAdapters, type LoraOptions, withAdapters } from "../../model/lora.ts";
import { bindParameters, type ParameterTree } from "../../model/parameters.ts";
import { toImage } from "../../model/patch-embed.ts";
import {
  type FcnHeadConfig,
  type FcnHeadParams,
  fcnHead,
  type HeadTraining,
  initFcnHead,
  initUperHead,
  type UperHeadConfig,
  type UperHeadParams,
  uperHead,
} from "../../model/segmentation-head.ts";
import { initSkySense, type SkySenseConfig, type SkySenseParams } from "../../model/skysense.ts";
import { swin } from "../../model/swin-v2.ts";
import type { EncoderTraining } from "../../model/training.ts";
import { vit } from "../../model/vit.ts";
import type { SegmentationClass } from "./data/classes.ts";

/** What a segmenter is: one encoder of a model with a UPerNet and an auxiliary FCN head (specification §5). */
export interface SegmenterConfig {
  model: SkySenseConfig;
  sensor: SensorName;
  /** Positions of the images' bands among the model's. */
  bands: readonly number[];
  /** Side of the crops that it learnt from, in pixels. */
  size: number;
  classes: readonly SegmentationClass[];
  /** Channels of the two heads (officially 512 and 256), and the rate at which they are dropped. */
  head: { channels: number; auxiliary: number; dropout: number };
  adapters?: LoraOptions | undefined;
}

const poolScales = [1, 2, 3, 6];

/** The encoder under its official names in `backbone_…`, `decode_head` and `auxiliary_head`. */
export function initSegmenter(c: SegmenterConfig): ParameterTree {
  const only = { ...c.model, hr: undefined, s2: undefined, s1: undefined, [c.sensor]: c.model[c.sensor] };
  const tree = initSkySense(only) as Record<string, ParameterTree | undefined>;
  const backbone = tree[`backbone_${c.sensor}`]!;
  const { decode, auxiliary } = headsOf(c);
  return {
    [`backbone_${c.sensor}`]: c.adapters === undefined ? backbone : withAdapters(backbone, c.adapters),
    decode_head: initUperHead(decode),
    auxiliary_head: initFcnHead(auxiliary) as ParameterTree,
  };
}

/** What only training does. */
export interface SegmenterTraining {
  encoder: EncoderTraining;
  head: HeadTraining;
}

export interface SegmenterOutputs {
  /** [batch, classes, h, w], h = height / {@link stride}. */
  logits: Tensor;
  /** Of the auxiliary head, on a coarser map. */
  auxiliary: Tensor;
}

/** Normalised images [batch, bands, height, width] → class scores. */
export function segmenter(c: SegmenterConfig, images: Tensor, training?: SegmenterTraining): SegmenterOutputs {
  const bound = bindParameters(initSegmenter(c));
  const p = (c.adapters === undefined ? bound : foldAdapters(bound, c.adapters)) as unknown as SkySenseParams & {
    decode_head: UperHeadParams;
    auxiliary_head: FcnHeadParams;
  };
  const { decode, auxiliary } = headsOf(c);
  const maps = encode(p, images, c, training?.encoder);
  return {
    logits: scope("decode_head", () => uperHead(p.decode_head, maps, decode, training?.head)),
    auxiliary: scope("auxiliary_head", () => fcnHead(p.auxiliary_head, maps[2]!, auxiliary, training?.head)),
  };
}

/** Images "images" → "logits" [batch, height / stride, width / stride, classes], as they are blended. */
export function inferenceGraph(c: SegmenterConfig, [height, width]: readonly [number, number]): Tensor {
  const images = input("images", [batchDim(), c.bands.length, height, width]);
  const { logits } = segmenter(c, images);
  const size = [height / stride(c), width / stride(c)] as const;
  return transpose(resizeImage(logits, size, { mode: "bilinear" }), [0, 2, 3, 1]);
}

/**
 * Pixels along a side that get one vector of scores before these are interpolated: a patch of HR images. Sentinel
 * images, of which single pixels matter, are interpolated within the graph.
 */
export function stride({ sensor, model }: SegmenterConfig): number {
  return sensor === "hr" ? model.hr!.patch : 1;
}

/** Four maps of the encoder: Swin's stages, or layers of a Vision Transformer (SkySense++: all of one size). */
function encode(
  p: SkySenseParams,
  images: Tensor,
  c: SegmenterConfig,
  training: EncoderTraining | undefined,
): Tensor[] {
  const options = training === undefined ? {} : { training };
  if (c.sensor === "hr") {
    const config = { ...c.model.hr!, outputs: [0, 1, 2, 3] };
    return scope("backbone_hr", () => [...swin(p.backbone_hr!, images, config, options).values()].map(toImage));
  }
  const { encoder } = c.model[c.sensor]!;
  const bands = c.bands.length === encoder.bands ? {} : { bands: c.bands };
  const layers = quarters(encoder.depth);
  const config = { ...encoder, outputs: layers };
  const outputs = vit(p[`backbone_${c.sensor}`]!, images, config, { ...options, ...bands });
  return layers.map((layer) => toImage(outputs.get(layer)!));
}

/** The layers at a quarter, half, three quarters and the end; of fewer than four some come twice. */
function quarters(depth: number): number[] {
  return [1, 2, 3, 4].map((quarter) => Math.max(0, Math.round((quarter * depth) / 4) - 1));
}

function headsOf({ model, sensor, classes, head }: SegmenterConfig): {
  decode: UperHeadConfig;
  auxiliary: FcnHeadConfig;
} {
  const levels = [0, 1, 2, 3].map((level) =>
    sensor === "hr" ? model.hr!.width * 2 ** level : model[sensor]!.encoder.width,
  );
  const both = { classes: classes.length, alignCorners: false, dropout: head.dropout };
  return {
    decode: { ...both, channels: head.channels, levels, poolScales },
    auxiliary: {
      ...both,
      channels: head.auxiliary,
      inputs: levels[2]!,
      convolutions: 1,
      kernel: 3,
      dilation: 1,
      concatInput: false,
    },
  };
}

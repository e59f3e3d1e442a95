import { resizeImage } from "../../graph/ops/resize.ts";
import { transpose } from "../../graph/ops/transpose.ts";
import { batchDim } from "../../graph/shape.ts";
import { input, scope, type Tensor } from "../../graph/tensor.ts";
import { encode, encoderWidths, initEncoder } from "../../model/encoder.ts";
import { bindAdapted } from "../../model/lora.ts";
import type { ParameterTree } from "../../model/parameters.ts";
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
import type { SkySenseParams } from "../../model/skysense.ts";
import type { EncoderTraining } from "../../model/training.ts";
import { type MapperConfig, stride } from "../maps/mapper.ts";

/** What a segmenter is: one encoder of a model with a UPerNet and an auxiliary FCN head (specification §5). */
export interface SegmenterConfig extends MapperConfig {
  /** Channels of the two heads (officially 512 and 256), and the rate at which they are dropped. */
  head: { channels: number; auxiliary: number; dropout: number };
}

const poolScales = [1, 2, 3, 6];

/** The encoder under its official names in `backbone_…`, `decode_head` and `auxiliary_head`. */
export function initSegmenter(c: SegmenterConfig): ParameterTree {
  const { decode, auxiliary } = headsOf(c);
  return {
    ...initEncoder(c),
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
  const p = bindAdapted(initSegmenter(c), c.adapters) as unknown as SkySenseParams & {
    decode_head: UperHeadParams;
    auxiliary_head: FcnHeadParams;
  };
  const { decode, auxiliary } = headsOf(c);
  const maps = encode(p, images, c, training?.encoder).map(toImage);
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

function headsOf(c: SegmenterConfig): { decode: UperHeadConfig; auxiliary: FcnHeadConfig } {
  const { classes, head } = c;
  const levels = encoderWidths(c);
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

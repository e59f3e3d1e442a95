import { z } from "zod";
import type { FcnHeadConfig, UperHeadConfig } from "../model/segmentation-head.ts";
import { bad, parse, rate, size, swinConfig } from "./official-config.ts";

/** Keyword arguments of mmseg's segmentation heads, read as those of the encoders in official-config.ts. */

const batchNorm = z.strictObject({
  type: z.enum(["BN", "SyncBN"]),
  requires_grad: z.boolean().optional(),
  eps: z.literal(1e-5).optional(),
  momentum: z.literal(0.1).optional(),
});

const head = {
  channels: size,
  num_classes: size,
  dropout_ratio: rate.default(0.1),
  conv_cfg: z.null().optional(),
  norm_cfg: batchNorm,
  act_cfg: z.strictObject({ type: z.literal("ReLU"), inplace: z.boolean().optional() }).optional(),
  align_corners: z.boolean().default(false),
  type: z.string().optional(),
  loss_decode: z.unknown().optional(),
  ignore_index: z.int().optional(),
  sampler: z.unknown().optional(),
  init_cfg: z.unknown().optional(),
};

const uperHeadArguments = z.strictObject({
  ...head,
  in_channels: z.array(size).min(1),
  in_index: z.array(z.int()),
  pool_scales: z.array(size).default([1, 2, 3, 6]),
  input_transform: z.literal("multiple_select").optional(),
});

/** Arguments of the official `UPerHead`, and which maps it takes. @throws SkySenseError `BAD_CONFIG` */
export function uperHeadConfig(kwargs: unknown): { config: UperHeadConfig; inIndex: number[] } {
  const c = parse("UPerHead", uperHeadArguments, kwargs);
  if (c.in_index.length !== c.in_channels.length) {
    throw bad("UPerHead", `in_index has ${c.in_index.length} entries for ${c.in_channels.length} in_channels`);
  }
  return { config: { ...shared(c), levels: c.in_channels, poolScales: c.pool_scales }, inIndex: c.in_index };
}

const fcnHeadArguments = z.strictObject({
  ...head,
  in_channels: size,
  in_index: z.int().default(-1),
  num_convs: z.int().min(0).default(2),
  kernel_size: size.default(3),
  concat_input: z.boolean().default(true),
  dilation: size.default(1),
  input_transform: z.null().optional(),
});

/** Arguments of the official `FCNHead`, and which map it takes. @throws SkySenseError `BAD_CONFIG` */
export function fcnHeadConfig(kwargs: unknown): { config: FcnHeadConfig; inIndex: number } {
  const c = parse("FCNHead", fcnHeadArguments, kwargs);
  if (c.num_convs === 0 && c.in_channels !== c.channels) {
    throw bad("FCNHead", `without convolutions, channels (${c.channels}) must be in_channels (${c.in_channels})`);
  }
  const config = {
    ...shared(c),
    inputs: c.in_channels,
    convolutions: c.num_convs,
    kernel: c.kernel_size,
    dilation: c.dilation,
    concatInput: c.concat_input,
  };
  return { config, inIndex: c.in_index };
}

const encoderDecoderArguments = z.strictObject({
  backbone: z.unknown(),
  decode_head: z.unknown(),
  auxiliary_head: z.unknown().optional(),
});

/** Arguments of the official `EncoderDecoder` on a Swin encoder, each part's own. @throws SkySenseError `BAD_CONFIG` */
export function encoderDecoderConfig(kwargs: unknown) {
  const c = parse("EncoderDecoder", encoderDecoderArguments, kwargs);
  return {
    backbone: swinConfig(c.backbone),
    decode: uperHeadConfig(c.decode_head),
    auxiliary: c.auxiliary_head == null ? undefined : fcnHeadConfig(c.auxiliary_head),
  };
}

function shared(c: { channels: number; num_classes: number; align_corners: boolean; dropout_ratio: number }) {
  return {
    channels: c.channels,
    classes: c.num_classes,
    alignCorners: c.align_corners,
    dropout: c.dropout_ratio,
  };
}

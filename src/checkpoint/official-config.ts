import { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import type { FusionConfig } from "../model/fusion.ts";
import type { SwinConfig } from "../model/swin-v2.ts";
import type { UpHeadConfig } from "../model/up-head.ts";
import type { VitConfig } from "../model/vit.ts";

/**
 * The official constructors' keyword arguments, as data (tuples as lists), read into our configurations. Names and
 * defaults are the official ones (specification §1.1, §2, §3); arguments that act in training only are accepted and
 * have no effect on the graph.
 */

export const size = z.int().positive();
export const rate = z.number().min(0).max(1);
const pair = z
  .union([size, z.tuple([size, size])])
  .transform((v): [number, number] => (Array.isArray(v) ? v : [v, v]));
const norm = z.strictObject({
  type: z.literal("LN"),
  eps: z.number().positive().default(1e-5),
  requires_grad: z.boolean().optional(),
});
const gelu = z.strictObject({ type: z.literal("GELU") });
const mode = z.enum(["bicubic", "bilinear"]);
const trainingOnly = {
  drop_path_rate: rate.optional(),
  with_cp: z.boolean().optional(),
  norm_eval: z.boolean().optional(),
  init_cfg: z.unknown().optional(),
  pretrained: z.unknown().optional(),
};

const arch = z.strictObject({
  embed_dims: size,
  depths: z.array(size).min(1),
  num_heads: z.array(size).min(1),
  extra_norm_every_n_blocks: z.int().min(0),
});

const archs: Readonly<Record<string, z.infer<typeof arch>>> = {
  tiny: { embed_dims: 96, depths: [2, 2, 6, 2], num_heads: [3, 6, 12, 24], extra_norm_every_n_blocks: 0 },
  small: { embed_dims: 96, depths: [2, 2, 18, 2], num_heads: [3, 6, 12, 24], extra_norm_every_n_blocks: 0 },
  base: { embed_dims: 128, depths: [2, 2, 18, 2], num_heads: [4, 8, 16, 32], extra_norm_every_n_blocks: 0 },
  large: { embed_dims: 192, depths: [2, 2, 18, 2], num_heads: [6, 12, 24, 48], extra_norm_every_n_blocks: 0 },
  huge: { embed_dims: 352, depths: [2, 2, 18, 2], num_heads: [8, 16, 32, 64], extra_norm_every_n_blocks: 6 },
  giant: { embed_dims: 512, depths: [2, 2, 42, 4], num_heads: [16, 32, 64, 128], extra_norm_every_n_blocks: 6 },
};

const archName = z
  .string()
  .transform((name) => Object.keys(archs).find((key) => key === name.toLowerCase() || key[0] === name.toLowerCase()))
  .pipe(z.enum(Object.keys(archs), `must be one of ${Object.keys(archs).join(", ")}`))
  .transform((name) => archs[name]!);

const stage = z.strictObject({
  // The reducing layer's own default is to normalise first.
  downsample_cfg: z.strictObject({ is_post_norm: z.boolean().default(false) }).default({ is_post_norm: false }),
});

const swinArguments = z.strictObject({
  arch: z.union([arch, archName]).default(archs.huge!),
  img_size: pair.default([224, 224]),
  patch_size: size.default(4),
  in_channels: size.default(3),
  window_size: z.union([size, z.array(size)]).default(8),
  drop_rate: rate.default(0),
  out_indices: z.union([z.int(), z.array(z.int())]).default([3]),
  use_abs_pos_embed: z.boolean().default(false),
  interpolate_mode: mode.default("bicubic"),
  frozen_stages: z.int().optional(),
  pad_small_map: z.boolean().default(false),
  norm_cfg: norm.nullable().default({ type: "LN", eps: 1e-5 }),
  stage_cfgs: z.union([stage, z.array(stage)]).default({ downsample_cfg: { is_post_norm: true } }),
  patch_cfg: z
    .strictObject({ norm_cfg: norm.nullable().default({ type: "LN", eps: 1e-5 }) })
    .default({ norm_cfg: { type: "LN", eps: 1e-5 } }),
  pretrained_window_sizes: z.array(z.int().min(0)).default([0, 0, 0, 0]),
  ...trainingOnly,
});

/** Arguments of the official `SwinTransformerV2`. @throws SkySenseError `BAD_CONFIG` */
export function swinConfig(kwargs: unknown): SwinConfig {
  const c = parse("SwinTransformerV2", swinArguments, kwargs);
  const { depths, num_heads: heads, embed_dims: width } = c.arch;
  const fail = (what: string) => bad("SwinTransformerV2", what);
  if (heads.length !== depths.length) throw fail(`num_heads has ${heads.length} entries for ${depths.length} stages`);
  heads.forEach((n, i) => {
    if ((width * 2 ** i) % n !== 0)
      throw fail(`${n} heads do not divide the ${width * 2 ** i} channels of stage ${i}`);
  });
  for (const [name, list] of Object.entries({ window_size: c.window_size, stage_cfgs: c.stage_cfgs })) {
    if (Array.isArray(list) && list.length < depths.length)
      throw fail(`${name} has ${list.length} entries for ${depths.length} stages`);
  }
  const windows = depths.map((_, i) => (Array.isArray(c.window_size) ? c.window_size[i]! : c.window_size));
  const pretrained = depths.map((_, i) => c.pretrained_window_sizes[i] ?? 0);
  if (windows.some((w, i) => w === 1 || pretrained[i] === 1)) {
    throw fail("a window of 1 has no position bias (the official code divides by zero)");
  }
  const outputs = [c.out_indices].flat();
  if (outputs.some((i) => i < 0 || i >= depths.length))
    throw fail(`out_indices [${outputs}] name a stage that does not exist`);
  return {
    bands: c.in_channels,
    patch: c.patch_size,
    width,
    depths,
    heads,
    window: windows,
    outputs,
    extraNormEvery: c.arch.extra_norm_every_n_blocks,
    padSmallMaps: c.pad_small_map,
    pretrainedWindow: pretrained,
    postNormMerging: depths.map(
      (_, i) => (Array.isArray(c.stage_cfgs) ? c.stage_cfgs[i]! : c.stage_cfgs).downsample_cfg.is_post_norm,
    ),
    patchNorm: c.patch_cfg.norm_cfg === null ? undefined : { epsilon: c.patch_cfg.norm_cfg.eps },
    outputNorm: c.norm_cfg === null ? undefined : { epsilon: c.norm_cfg.eps },
    absolutePosition: c.use_abs_pos_embed ? { image: c.img_size, mode: c.interpolate_mode } : undefined,
  };
}

const transformerArguments = {
  mlp_ratio: z.number().positive().default(4),
  qkv_bias: z.boolean().default(true),
  drop_rate: rate.default(0),
  attn_drop_rate: rate.default(0),
  norm_cfg: norm.default({ type: "LN", eps: 1e-5 }),
  act_cfg: gelu.default({ type: "GELU" }),
  num_fcs: z.int().min(2).default(2),
  ...trainingOnly,
};

const vitArguments = z.strictObject({
  img_size: pair.default([64, 64]),
  patch_size: size.default(4),
  in_channels: size.default(10),
  embed_dims: size.default(1024),
  num_layers: size.default(24),
  num_heads: size.default(16),
  out_indices: z.union([z.int(), z.array(z.int())]).default(-1),
  with_cls_token: z.boolean().default(true),
  output_cls_token: z.boolean().default(false),
  patch_norm: z.boolean().default(false),
  final_norm: z.boolean().default(false),
  interpolate_mode: mode.default("bicubic"),
  ...transformerArguments,
});

/** Arguments of the official `VisionTransformer`. @throws SkySenseError `BAD_CONFIG` */
export function vitConfig(kwargs: unknown): VitConfig & { outputClassToken: boolean } {
  const c = parse("VisionTransformer", vitArguments, kwargs);
  checkHeads("VisionTransformer", c);
  if (c.output_cls_token && !c.with_cls_token)
    throw bad("VisionTransformer", "output_cls_token needs with_cls_token");
  const outputs = c.out_indices === -1 ? [c.num_layers - 1] : [c.out_indices].flat();
  if (outputs.some((i) => i < 0 || i >= c.num_layers)) {
    throw bad("VisionTransformer", `out_indices [${outputs}] name a layer that does not exist`);
  }
  return {
    ...transformer(c),
    bands: c.in_channels,
    patch: c.patch_size,
    image: c.img_size,
    outputs,
    classToken: c.with_cls_token,
    patchNorm: c.patch_norm,
    finalNorm: c.final_norm,
    mode: c.interpolate_mode,
    outputClassToken: c.output_cls_token,
  };
}

const fusionArguments = z.strictObject({
  input_dims: size.default(768),
  embed_dims: size.default(768),
  num_layers: size.default(4),
  num_heads: size.default(12),
  with_cls_token: z.boolean().default(true),
  output_cls_token: z.boolean().default(false),
  ...transformerArguments,
});

/** Arguments of the official fusion `TransformerEncoder`. @throws SkySenseError `BAD_CONFIG` */
export function fusionConfig(kwargs: unknown): FusionConfig & { outputClassToken: boolean } {
  const c = parse("TransformerEncoder", fusionArguments, kwargs);
  checkHeads("TransformerEncoder", c);
  if (c.output_cls_token && !c.with_cls_token)
    throw bad("TransformerEncoder", "output_cls_token needs with_cls_token");
  return {
    ...transformer(c),
    inputWidth: c.input_dims,
    classToken: c.with_cls_token,
    outputClassToken: c.output_cls_token,
  };
}

const upHeadArguments = z.strictObject({
  in_dim: size,
  out_dim: size,
  up_scale: size,
  init_cfg: z.unknown().optional(),
});

/** Arguments of the official `UPHead`. @throws SkySenseError `BAD_CONFIG` */
export function upHeadConfig(kwargs: unknown): UpHeadConfig {
  const c = parse("UPHead", upHeadArguments, kwargs);
  return { width: c.in_dim, outputWidth: c.out_dim, scale: c.up_scale };
}

const skySenseArguments = z.strictObject({
  backbone_hr: z.unknown().optional(),
  backbone_s2: z.unknown().optional(),
  head_s2: z.unknown().optional(),
  backbone_s1: z.unknown().optional(),
  head_s1: z.unknown().optional(),
  fusion: z.unknown(),
  use_ctpe: z.boolean().default(true),
  calendar_time: size.default(365),
});

/** Arguments of the composed model, each part's own. @throws SkySenseError `BAD_CONFIG` */
export function skySenseConfig(kwargs: unknown) {
  const c = parse("SkySense", skySenseArguments, kwargs);
  const sentinel = (backbone: unknown, head: unknown) =>
    backbone === undefined ? undefined : { encoder: vitConfig(backbone), head: upHeadConfig(head) };
  return {
    hr: c.backbone_hr === undefined ? undefined : swinConfig(c.backbone_hr),
    s2: sentinel(c.backbone_s2, c.head_s2),
    s1: sentinel(c.backbone_s1, c.head_s1),
    fusion: fusionConfig(c.fusion),
    calendar: c.use_ctpe ? { kind: "s2" as const, days: c.calendar_time } : { kind: "none" as const },
  };
}

function transformer(c: {
  embed_dims: number;
  num_layers: number;
  num_heads: number;
  mlp_ratio: number;
  qkv_bias: boolean;
  norm_cfg: { eps: number };
  num_fcs: number;
}) {
  return {
    width: c.embed_dims,
    depth: c.num_layers,
    heads: c.num_heads,
    mlpRatio: c.mlp_ratio,
    qkvBias: c.qkv_bias,
    epsilon: c.norm_cfg.eps,
    ffnLayers: c.num_fcs,
  };
}

function checkHeads(name: string, { embed_dims, num_heads }: { embed_dims: number; num_heads: number }): void {
  if (embed_dims % num_heads !== 0) throw bad(name, `${num_heads} heads do not divide ${embed_dims} channels`);
}

/** The value in the schema's form. @throws SkySenseError `BAD_CONFIG` */
export function parse<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw bad(name, issue.path.length === 0 ? issue.message : `${issue.path.join(".")}: ${issue.message}`);
}

/** The error for arguments of the class `name` that cannot be. */
export function bad(name: string, what: string): SkySenseError {
  return new SkySenseError({
    code: "BAD_CONFIG",
    what,
    where: name,
    remedy: "Give the official constructor's arguments under their own names.",
  });
}

import { add } from "../graph/ops/add.ts";
import { concat } from "../graph/ops/concat.ts";
import { gather } from "../graph/ops/gather.ts";
import { layerNorm } from "../graph/ops/layer-norm.ts";
import { mul } from "../graph/ops/mul.ts";
import { pad, slice } from "../graph/ops/pad.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { type Interpolation, resize } from "../graph/ops/resize.ts";
import { indices, scalar, scope, type Tensor } from "../graph/tensor.ts";
import { initNorm, kaimingNormal } from "./linear.ts";
import type { Bound, Initial } from "./parameters.ts";
import { initPatchEmbed, patchEmbed, type TokenMap } from "./patch-embed.ts";
import type { Tap } from "./tap.ts";
import { type EncoderTraining, keepOrRecompute, pathDropper } from "./training.ts";
import { initLayer, layer, type TransformerConfig } from "./transformer.ts";

/** Vision Transformer with the options of the official class (specification §2). */
export interface VitConfig extends TransformerConfig {
  bands: number;
  patch: number;
  /** Image [height, width] for which the position embedding was made. */
  image: readonly [height: number, width: number];
  /** Layers whose output is returned, in layer order. */
  outputs: readonly number[];
  /** The class token takes part in attention; its parameter exists in any case. */
  classToken: boolean;
  patchNorm: boolean;
  finalNorm: boolean;
  /** How the position embedding is resized. */
  mode: Interpolation;
}

export interface VitOutput extends TokenMap {
  /** [batch, width]; undefined where the class token takes no part. */
  classToken: Tensor | undefined;
}

export function initVit(c: VitConfig) {
  const [h, w] = positionGrid(c);
  const small: Initial = { kind: "truncatedNormal", std: 0.02 };
  return {
    cls_token: { shape: [1, 1, c.width], initial: small },
    pos_embed: { shape: [1, h * w + 1, c.width], initial: small },
    patch_embed: initPatchEmbed({
      bands: c.bands,
      width: c.width,
      patch: c.patch,
      norm: c.patchNorm,
      weight: kaimingNormal(c.bands * c.patch ** 2),
      bias: { kind: "constant", value: 0 },
    }),
    layers: Array.from({ length: c.depth }, () => initLayer(c)),
    ln1: c.finalNorm ? initNorm(c.width) : undefined,
  };
}

export type VitParams = Bound<ReturnType<typeof initVit>>;

function positionGrid({ image: [height, width], patch }: VitConfig): [number, number] {
  return [Math.floor(height / patch), Math.floor(width / patch)];
}

/**
 * Features of an image [batch, bands, height, width] of any size.
 *
 * @param options.bands  Where the image has some of the model's bands only: their positions. The patch kernel's
 *   slices are used, times all/used, so that the response keeps its scale.
 * @param options.training  Drop paths are called `layers.<i>.ffn`.
 * @returns For each layer in `config.outputs`, tokens [batch, h·w, width], row-major, h = ⌈height/patch⌉.
 */
export function vit(
  p: VitParams,
  image: Tensor,
  config: VitConfig,
  { bands, tap, training = {} }: { bands?: readonly number[]; tap?: Tap; training?: EncoderTraining } = {},
): Map<number, VitOutput> {
  const { classToken, epsilon } = config;
  const embed = bands === undefined ? p.patch_embed : { ...p.patch_embed, projection: selectBands(p, bands, config) };
  const { x: patches, grid } = patchEmbed(embed, image, { patch: config.patch, epsilon });
  tap?.("patch_embed", () => patches);

  // Class token and position embedding in one addition: zeros make room for the token.
  const position = positionEmbedding(p.pos_embed, grid, config);
  const tokens = grid[0] * grid[1];
  let z = classToken
    ? add(pad(patches, { before: [0, 1, 0] }), withClassToken(p.cls_token, position, tokens))
    : add(patches, slice(position, { axis: 1, start: 1, end: tokens + 1 }));
  tap?.("embedded", () => z);

  const outputs = new Map<number, VitOutput>();
  for (const [i, params] of p.layers.entries()) {
    const before = z;
    const drop = pathDropper(training, { path: `layers.${i}`, index: i, count: config.depth });
    z = scope(`layers.${i}`, () => keepOrRecompute(training, () => layer(params, before, { ...config, drop })));
    tap?.(`layers.${i}`, () => z);
    if (i === config.depth - 1 && p.ln1 !== undefined) z = layerNorm(z, p.ln1.weight, p.ln1.bias, { epsilon });
    if (config.outputs.includes(i)) outputs.set(i, splitClassToken(z, grid, classToken));
  }
  return outputs;
}

function selectBands(p: VitParams, bands: readonly number[], config: VitConfig) {
  const { weight, bias } = p.patch_embed.projection;
  const selected = gather(weight, indices(bands), { axis: 1 });
  return { weight: mul(selected, scalar(config.bands / bands.length)), bias };
}

/**
 * [1, 1 + h·w, width], resized only where the NUMBER of tokens differs from that of the parameter: the official code
 * adds the embedding of a 4 × 4 grid to 2 × 8 tokens as it lies in memory (§2.1 step 3).
 */
function positionEmbedding(position: Tensor, [h, w]: readonly [number, number], config: VitConfig): Tensor {
  const length = position.shape[1] as number;
  if (h * w + 1 === length) return position;
  const [h0, w0] = positionGrid(config);
  const grid = reshape(slice(position, { axis: 1, start: 1, end: length }), [1, h0, w0, config.width]);
  const resized = reshape(resize(grid, [h, w], { mode: config.mode }), [1, h * w, config.width]);
  return concat([slice(position, { axis: 1, start: 0, end: 1 }), resized], { axis: 1 });
}

function withClassToken(token: Tensor, position: Tensor, tokens: number): Tensor {
  const first = add(token, slice(position, { axis: 1, start: 0, end: 1 }));
  return concat([first, slice(position, { axis: 1, start: 1, end: tokens + 1 })], { axis: 1 });
}

function splitClassToken(z: Tensor, grid: TokenMap["grid"], classToken: boolean): VitOutput {
  if (!classToken) return { x: z, grid, classToken: undefined };
  const [batch, tokens, width] = z.shape as [Tensor["shape"][number], number, number];
  const first = reshape(slice(z, { axis: 1, start: 0, end: 1 }), [batch, width]);
  return { x: slice(z, { axis: 1, start: 1, end: tokens }), grid, classToken: first };
}

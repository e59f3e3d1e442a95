import { SkySenseError } from "../core/error.ts";
import { add } from "../graph/ops/add.ts";
import { rearrange } from "../graph/ops/gather.ts";
import { gemm } from "../graph/ops/gemm.ts";
import { layerNorm } from "../graph/ops/layer-norm.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { type Interpolation, resize } from "../graph/ops/resize.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { timesDim } from "../graph/shape.ts";
import { scope, type Tensor } from "../graph/tensor.ts";
import { ffn, initFfn } from "./ffn.ts";
import { initNorm, type NormParams, torchDefault } from "./linear.ts";
import type { Bound, Initial, ParameterSpec } from "./parameters.ts";
import { initPatchEmbed, patchEmbed, type TokenMap } from "./patch-embed.ts";
import type { Tap } from "./tap.ts";
import { type EncoderTraining, keepOrRecompute, type PathDropper, pathDropper } from "./training.ts";
import { initWindowAttention, windowAttention } from "./window-attention.ts";
import { inverseOrder, type WindowLayout, type WindowOptions, windowLayout } from "./windows.ts";

/** Swin Transformer V2 with the options of the official class (specification §1). */
export interface SwinConfig {
  bands: number;
  patch: number;
  /** Channels of the first stage; each later stage doubles them. */
  width: number;
  depths: readonly number[];
  heads: readonly number[];
  /** One side for all stages, or one a stage. */
  window: number | readonly number[];
  /** Stages whose output is returned, in stage order. */
  outputs: readonly number[];
  /** Every n-th block of a stage ends with a further norm; 0: none. */
  extraNormEvery: number;
  /** Maps not larger than the window are padded and stay shifted; else they are refused, or lose the shift. */
  padSmallMaps: boolean;
  /** Window of pre-training a stage, which scales the position bias; 0: the window itself. */
  pretrainedWindow: readonly number[];
  /** Patch merging: reduce, then normalise. One value for all stages, or one a stage. */
  postNormMerging: boolean | readonly boolean[];
  /** Epsilon of the norm after the patch embedding; undefined: none. */
  patchNorm: { epsilon: number } | undefined;
  /** Epsilon of the output norms; undefined: outputs are not normalised. */
  outputNorm: { epsilon: number } | undefined;
  /** Learned absolute position embedding for images of this [height, width]. */
  absolutePosition: { image: readonly [number, number]; mode: Interpolation } | undefined;
}

/** Norms inside the encoder always have this epsilon. */
const epsilon = 1e-5;
const mlpRatio = 4;

function perStage<T>(value: T | readonly T[], stage: number): T {
  return Array.isArray(value) ? (value as readonly T[])[stage]! : (value as T);
}

/** The encoder's weights under their official names. */
export function initSwin(c: SwinConfig) {
  const outputNorms: Record<string, ReturnType<typeof initNorm>> = {};
  for (const stage of c.outputs) {
    if (c.outputNorm !== undefined) outputNorms[`norm${stage}`] = initNorm(c.width * 2 ** stage);
  }
  const fanIn = c.bands * c.patch ** 2;
  return {
    absolute_pos_embed: c.absolutePosition === undefined ? undefined : positionSpec(c),
    patch_embed: initPatchEmbed({
      bands: c.bands,
      width: c.width,
      patch: c.patch,
      norm: c.patchNorm !== undefined,
      weight: torchDefault(fanIn),
      bias: torchDefault(fanIn),
    }),
    stages: c.depths.map((depth, stage) => {
      const channels = c.width * 2 ** stage;
      return {
        blocks: Array.from({ length: depth }, (_, j) => ({
          attn: { w_msa: initWindowAttention(channels, c.heads[stage]!) },
          norm1: initNorm(channels),
          ffn: initFfn({ width: channels, hidden: channels * mlpRatio, official: false }),
          norm2: initNorm(channels),
          norm3: c.extraNormEvery > 0 && (j + 1) % c.extraNormEvery === 0 ? initNorm(channels) : undefined,
        })),
        downsample: stage === 0 ? undefined : initMerging(channels / 2, perStage(c.postNormMerging, stage)),
      };
    }),
    ...outputNorms,
  };
}

export type SwinParams = Bound<ReturnType<typeof initSwin>>;
type BlockParams = SwinParams["stages"][number]["blocks"][number];
type MergingParams = NonNullable<SwinParams["stages"][number]["downsample"]>;

function positionSpec(c: SwinConfig): ParameterSpec {
  const [h, w] = positionGrid(c);
  return { shape: [1, h * w, c.width], initial: { kind: "truncatedNormal", std: 0.02 } satisfies Initial };
}

function positionGrid({ absolutePosition, patch }: SwinConfig): [number, number] {
  const [height, width] = absolutePosition!.image;
  return [Math.floor(height / patch), Math.floor(width / patch)];
}

function initMerging(channels: number, postNorm: boolean) {
  return {
    reduction: { weight: { shape: [2 * channels, 4 * channels], initial: torchDefault(4 * channels) } },
    norm: initNorm(postNorm ? 2 * channels : 4 * channels),
  };
}

/** Tokens of a map held in any order: `cells[k]` is the row-major cell at place k; undefined: row-major. */
interface OrderedTokens extends TokenMap {
  cells: Int32Array | undefined;
}

/**
 * Multi-scale features of an image [batch, bands, height, width].
 *
 * @param options.training  Drop paths are called `stages.<i>.blocks.<j>.attn` and `.ffn`.
 * @returns For each stage in `config.outputs`, tokens [batch, h·w, width·2^stage], row-major, normalised.
 * @throws SkySenseError `MAP_TOO_SMALL` where a map is smaller than its window and `padSmallMaps` is off, as the
 *   official model does.
 */
export function swin(
  p: SwinParams,
  image: Tensor,
  config: SwinConfig,
  { tap, training = {} }: { tap?: Tap; training?: EncoderTraining } = {},
): Map<number, TokenMap> {
  const embedded = patchEmbed(p.patch_embed, image, {
    patch: config.patch,
    epsilon: config.patchNorm?.epsilon ?? epsilon,
  });
  tap?.("patch_embed", () => embedded.x);
  let tokens: OrderedTokens = { ...embedded, cells: undefined };
  if (p.absolute_pos_embed !== undefined)
    tokens = { ...tokens, x: addPosition(p.absolute_pos_embed, embedded, config) };

  const outputs = new Map<number, TokenMap>();
  // Blocks of a stage share two layouts at most.
  const layouts = new Map<string, WindowLayout>();
  const layoutOf = (options: WindowOptions) => {
    const key = Object.values(options).join();
    const layout = layouts.get(key) ?? windowLayout(options);
    layouts.set(key, layout);
    return layout;
  };
  const count = config.depths.reduce((sum, depth) => sum + depth, 0);
  let index = 0;
  for (const [stage, { blocks, downsample }] of p.stages.entries()) {
    scope(`stages.${stage}`, () => {
      if (downsample !== undefined) {
        tokens = scope("downsample", () =>
          merge(downsample, tokens, { postNorm: perStage(config.postNormMerging, stage) }),
        );
        tap?.(`stages.${stage}.downsample`, () => rowMajor(tokens));
      }
      for (const [j, params] of blocks.entries()) {
        const path = `stages.${stage}.blocks.${j}`;
        const options = {
          heads: config.heads[stage]!,
          pretrained: config.pretrainedWindow[stage] ?? 0,
          layout: layoutOf(
            placement(tokens.grid, { window: perStage(config.window, stage), odd: j % 2 === 1, config, path }),
          ),
          drop: pathDropper(training, { path, index: index++, count }),
        };
        const before = tokens;
        tokens = scope(`blocks.${j}`, () =>
          keepOrRecompute(training, () =>
            block(params, before, options, tap && ((name, t) => tap(`${path}.${name}`, t))),
          ),
        );
        tap?.(path, () => rowMajor(tokens));
      }
    });
    if (config.outputs.includes(stage)) {
      const x = rowMajor(tokens);
      const norm = (p as unknown as Record<string, NormParams>)[`norm${stage}`];
      const normalised = norm === undefined ? x : layerNorm(x, norm.weight, norm.bias, config.outputNorm!);
      outputs.set(stage, { x: normalised, grid: tokens.grid });
    }
  }
  return outputs;
}

/** The shift of a block on a map (§1.5 step 2); a map as small as the window is not shifted on either axis. */
function placement(
  [height, width]: readonly [number, number],
  { window, odd, config, path }: { window: number; odd: boolean; config: SwinConfig; path: string },
) {
  const smaller = Math.min(height, width);
  if (smaller < window && !config.padSmallMaps) {
    throw new SkySenseError({
      code: "MAP_TOO_SMALL",
      what: `the map is ${height}×${width} and must not be smaller than the window of ${window}`,
      where: path,
      remedy: "Use a larger image, a smaller window, or padSmallMaps (pad_small_map).",
    });
  }
  const shift = odd && (smaller > window || config.padSmallMaps) ? Math.floor(window / 2) : 0;
  return { height, width, window, shift };
}

interface BlockOptions {
  heads: number;
  pretrained: number;
  layout: WindowLayout;
  drop: PathDropper;
}

/**
 * Post-norm block (§1.4): x + norm1(attention(x)), then x + norm2(ffn(x)), then norm3 where there is one. A branch
 * is dropped before its norm, which leaves the norm's bias of it (§1.6).
 */
function block(p: BlockParams, tokens: OrderedTokens, options: BlockOptions, tap?: Tap): OrderedTokens {
  const norm = ({ weight, bias }: NormParams, x: Tensor) => layerNorm(x, weight, bias, { epsilon });
  const { shortcut, attended } = attend(p, tokens, options);
  tap?.("attn", () => rowMajor(attended));
  let x = add(shortcut, norm(p.norm1, options.drop(attended.x, "attn")));
  x = add(x, norm(p.norm2, options.drop(ffn(p.ffn, x), "ffn")));
  if (p.norm3 !== undefined) x = norm(p.norm3, x);
  return { ...attended, x };
}

/**
 * Attention in windows, and the block's input in the same order of tokens.
 *
 * Norms, residuals and feed-forward act on each token alone, so tokens stay in the order of the windows and the next
 * block gathers them from there: one gather a block. Padded maps return to row-major order, since padded places must
 * be zero again in the next block.
 */
function attend(p: BlockParams, tokens: OrderedTokens, { heads, pretrained, layout }: BlockOptions) {
  const [batch, length, channels] = tokens.x.shape as [Tensor["shape"][number], number, number];
  const size = layout.window ** 2;
  const run = (x: Tensor) =>
    scope("attn", () => {
      const windows = reshape(x, [timesDim(batch, layout.count), size, channels]);
      const y = windowAttention(p.attn.w_msa, windows, { heads, pretrained, layout });
      return reshape(y, [batch, layout.count * size, channels]);
    });
  if (!layout.padded) {
    const x = reorder(tokens, layout.cells);
    return { shortcut: x, attended: { x: run(x), grid: tokens.grid, cells: layout.cells } };
  }
  const x = rowMajor(tokens);
  const windows = rearrange(x, layout.cells, { axis: 1 });
  const back = rearrange(run(windows), inverseOrder(layout.cells, length), { axis: 1 });
  return { shortcut: x, attended: { x: back, grid: tokens.grid, cells: undefined } };
}

/** Tokens brought into the order `cells`. */
function reorder({ x, cells: from }: OrderedTokens, cells: Int32Array): Tensor {
  const place = from === undefined ? undefined : inverseOrder(from, from.length);
  const order = place === undefined ? cells : cells.map((cell) => place[cell]!);
  return order.every((cell, k) => cell === k) ? x : rearrange(x, order, { axis: 1 });
}

function rowMajor(tokens: OrderedTokens): Tensor {
  if (tokens.cells === undefined) return tokens.x;
  return reorder(
    tokens,
    Int32Array.from(tokens.cells, (_, k) => k),
  );
}

/**
 * Patch merging (§1.3): each 2×2 block of cells becomes one token of twice the channels; zeros are added at the right
 * and the bottom of odd maps.
 *
 * The official weight expects channels slowest (c·4 + dy·2 + dx). Its columns are put into the order in which a
 * gather leaves the four cells, which moves fewer numbers than reordering every token.
 */
function merge(p: MergingParams, tokens: OrderedTokens, { postNorm }: { postNorm: boolean }): OrderedTokens {
  const [height, width] = tokens.grid;
  const [h, w] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  const [batch, , channels] = tokens.x.shape as [Tensor["shape"][number], number, number];
  const { cells } = windowLayout({ height, width, window: 2, shift: 0 });
  const odd = height % 2 === 1 || width % 2 === 1;
  const gathered = odd ? rearrange(rowMajor(tokens), cells, { axis: 1 }) : reorder(tokens, cells);
  const flat = reshape(gathered, [timesDim(batch, h * w), 4 * channels]);
  const byCell = (t: Tensor, rows: number) =>
    reshape(
      transpose(reshape(t, [rows, channels, 4]), [0, 2, 1]),
      rows === 1 ? [4 * channels] : [rows, 4 * channels],
    );
  const weight = byCell(p.reduction.weight, 2 * channels);
  const { weight: gain, bias } = p.norm;
  const y = postNorm
    ? layerNorm(gemm(flat, weight), gain, bias, { epsilon })
    : gemm(layerNorm(flat, byCell(gain, 1), byCell(bias, 1), { epsilon }), weight);
  return { x: reshape(y, [batch, h * w, 2 * channels]), grid: [h, w], cells: undefined };
}

/** Add the absolute position embedding, resized where the grid is not that of the configured image. */
function addPosition(position: Tensor, { x, grid: [h, w] }: TokenMap, config: SwinConfig): Tensor {
  const [h0, w0] = positionGrid(config);
  if (h === h0 && w === w0) return add(x, position);
  const resized = resize(reshape(position, [h0, w0, config.width]), [h, w], { mode: config.absolutePosition!.mode });
  return add(x, reshape(resized, [1, h * w, config.width]));
}

import { abs } from "../graph/ops/abs.ts";
import { add } from "../graph/ops/add.ts";
import { layerNorm } from "../graph/ops/layer-norm.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { resizeImage } from "../graph/ops/resize.ts";
import { softmax } from "../graph/ops/softmax.ts";
import { sub } from "../graph/ops/sub.ts";
import { transpose } from "../graph/ops/transpose.ts";
import type { BatchDim } from "../graph/shape.ts";
import { scalar, scope, type Tensor } from "../graph/tensor.ts";
import { conv, initConv } from "./conv.ts";
import { type BufferUpdates, convNorm, initConvNorm } from "./conv-norm.ts";
import { ffn, initFfn } from "./ffn.ts";
import { initLinear, initNorm, linear } from "./linear.ts";
import { batchOf, datesOf } from "./pairs.ts";
import type { Bound, Initial } from "./parameters.ts";
import { initLayer, layer, type TransformerConfig } from "./transformer.ts";

/**
 * Change by tokens: the Bitemporal Image Transformer (Chen, Qi and Shi 2021, arXiv:2103.00556) on four maps of an
 * encoder instead of ResNet's.
 */
export interface TokenChangeConfig {
  /** Channels of each level, the finest first. */
  levels: readonly number[];
  classes: number;
  /** Width of everything in the head; 32 in the paper. */
  channels: number;
  /** Tokens a date; 4 in the paper. */
  tokens: number;
  /** Layers of the decoder; 8 in the paper. */
  depth: number;
  heads: number;
}

const epsilon = 1e-5;

export function initTokenChangeHead(c: TokenChangeConfig) {
  const { channels, tokens, classes } = c;
  const position: Initial = { kind: "normal", std: 1 };
  return {
    lateral_convs: c.levels.map((inputs) => initConvNorm(inputs, channels, 1)),
    bottleneck: initConvNorm(channels, channels, 3),
    tokenizer: initLinear(channels, tokens),
    position: { shape: [1, 2 * tokens, channels], initial: position },
    encoder: initLayer(transformerOf(c)),
    decoder: Array.from({ length: c.depth }, () => ({
      norm: initNorm(channels),
      query: initLinear(channels, channels),
      key: initLinear(channels, channels),
      value: initLinear(channels, channels),
      out: initLinear(channels, channels),
      norm2: initNorm(channels),
      ffn: initFfn({ width: channels, hidden: 2 * channels, official: false }),
    })),
    difference: initConvNorm(channels, channels, 3),
    conv_seg: initConv(channels, classes, { kernel: 3 }),
  };
}

export type TokenChangeParams = Bound<ReturnType<typeof initTokenChangeHead>>;

/**
 * Class scores of pairs of images, which follow each other in the batch.
 *
 * @param maps  [2·batch, channels, h, w] of each level, the finest first.
 * @returns Logits [batch, classes, h, w].
 */
export function tokenChangeHead(
  p: TokenChangeParams,
  maps: readonly Tensor[],
  c: TokenChangeConfig,
  { updates }: { updates?: BufferUpdates | undefined } = {},
): Tensor {
  const [images, , h, w] = maps[0]!.shape as [BatchDim, number, number, number];
  const lateral = maps.map((map, k) => convNorm(p.lateral_convs[k]!, map, { updates }));
  const joined = lateral.reduce((sum, map) => add(sum, resizeImage(map, [h, w], { mode: "bilinear" })));
  const features = convNorm(p.bottleneck, joined, { updates });
  let x = transpose(reshape(features, [images, c.channels, h * w]), [0, 2, 1]);

  const tokens = scope("tokens", () => encodeTokens(p, x, c));
  for (const [i, params] of p.decoder.entries()) {
    x = scope(`decoder.${i}`, () => lookUp(params, x, tokens, c.heads));
  }
  const map = reshape(transpose(x, [0, 2, 1]), [images, c.channels, h, w]);
  const difference = abs(sub(...datesOf(map)));
  return scope("conv_seg", () => conv(p.conv_seg, convNorm(p.difference, difference, { updates })));
}

/**
 * Each token is a mean of a date's features, weighted by where its own kind of thing is seen (eq. 1); then the tokens
 * of both dates attend to each other.
 */
function encodeTokens(p: TokenChangeParams, x: Tensor, c: TokenChangeConfig): Tensor {
  const images = x.shape[0]!;
  const where = softmax(transpose(linear(p.tokenizer, x), [0, 2, 1]));
  const both = reshape(matMul(where, x), [batchOf(x), 2 * c.tokens, c.channels]);
  const encoded = layer(p.encoder, add(both, p.position), { heads: c.heads, epsilon });
  return reshape(encoded, [images, c.tokens, c.channels]);
}

/** A layer of the decoder (eqs. 5–6): pixels look up the tokens of their date. x: [images, pixels, channels]. */
function lookUp(p: TokenChangeParams["decoder"][number], x: Tensor, tokens: Tensor, heads: number): Tensor {
  const [images, pixels, channels] = x.shape as [BatchDim, number, number];
  const width = channels / heads;
  const count = tokens.shape[1] as number;
  const norm = (y: Tensor) => layerNorm(y, p.norm.weight, p.norm.bias, { epsilon });
  const perHead = (y: Tensor, length: number) => transpose(reshape(y, [images, length, heads, width]), [0, 2, 1, 3]);
  const memory = norm(tokens);
  const query = perHead(linear(p.query, norm(x)), pixels);
  const key = perHead(linear(p.key, memory), count);
  const value = perHead(linear(p.value, memory), count);
  const weights = softmax(mul(matMul(query, transpose(key, [0, 1, 3, 2])), scalar(1 / Math.sqrt(width))));
  const mixed = reshape(transpose(matMul(weights, value), [0, 2, 1, 3]), [images, pixels, channels]);
  const y = add(x, linear(p.out, mixed));
  return add(y, ffn(p.ffn, layerNorm(y, p.norm2.weight, p.norm2.bias, { epsilon })));
}

function transformerOf({ channels, heads }: TokenChangeConfig): TransformerConfig {
  return { width: channels, depth: 1, heads, mlpRatio: 2, qkvBias: true, epsilon, ffnLayers: 2 };
}

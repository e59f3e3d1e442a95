import { resizeImage } from "../../graph/ops/resize.ts";
import { transpose } from "../../graph/ops/transpose.ts";
import { batchDim } from "../../graph/shape.ts";
import { input, scope, type Tensor } from "../../graph/tensor.ts";
import type { BufferUpdates } from "../../model/conv-norm.ts";
import {
  type DifferenceConfig,
  type DifferenceParams,
  differenceHead,
  initDifferenceHead,
} from "../../model/difference-head.ts";
import { encode, encoderWidths, initEncoder } from "../../model/encoder.ts";
import { bindAdapted } from "../../model/lora.ts";
import { asImages } from "../../model/pairs.ts";
import type { ParameterTree } from "../../model/parameters.ts";
import { toImage } from "../../model/patch-embed.ts";
import type { SkySenseParams } from "../../model/skysense.ts";
import {
  initTokenChangeHead,
  type TokenChangeConfig,
  type TokenChangeParams,
  tokenChangeHead,
} from "../../model/token-change-head.ts";
import type { EncoderTraining } from "../../model/training.ts";
import { type MapperConfig, stride } from "../maps/mapper.ts";

/** How the two dates are compared: BIT's tokens, or a U-Net on differences of features. */
export const changeHeads = ["tokens", "difference"] as const;
export type ChangeHeadKind = (typeof changeHeads)[number];

/** A detector of change: one encoder that sees both dates, and a head that compares what it made of them. */
export interface ChangeConfig extends MapperConfig {
  head: { kind: ChangeHeadKind; channels: number };
}

/** Images of a place that the model looks at: before and after. */
export const dates = 2;

/** The encoder under its official names in `backbone_…`, and `change_head`. */
export function initChangeDetector(c: ChangeConfig): ParameterTree {
  const head = c.head.kind === "tokens" ? initTokenChangeHead(tokensOf(c)) : initDifferenceHead(differenceOf(c));
  return { ...initEncoder(c), change_head: head };
}

/** What only training does. */
export interface ChangeTraining {
  encoder: EncoderTraining;
  updates: BufferUpdates;
}

/**
 * Normalised pairs [batch, 2, bands, height, width] → class scores [batch, classes, h, w]: with tokens at the encoder's
 * finest map; with differences at every pixel of Sentinel images, else at the finest map, too.
 */
export function changeDetector(c: ChangeConfig, pairs: Tensor, training?: ChangeTraining): Tensor {
  const p = bindAdapted(initChangeDetector(c), c.adapters) as unknown as SkySenseParams & {
    change_head: TokenChangeParams | DifferenceParams;
  };
  const maps = encode(p, asImages(pairs), c, training?.encoder).map(toImage);
  const options = { updates: training?.updates };
  return scope("change_head", () =>
    c.head.kind === "tokens"
      ? tokenChangeHead(p.change_head as TokenChangeParams, maps, tokensOf(c), options)
      : differenceHead(p.change_head as DifferenceParams, maps, sizesOf(c, pairs, maps), options),
  );
}

/** Pairs "images" → "logits" [batch, height / stride, width / stride, classes], as they are blended. */
export function inferenceGraph(c: ChangeConfig, [height, width]: readonly [number, number]): Tensor {
  const pairs = input("images", [batchDim(), dates, c.bands.length, height, width]);
  const size = [height / stride(c), width / stride(c)] as const;
  return transpose(resizeImage(changeDetector(c, pairs), size, { mode: "bilinear" }), [0, 2, 3, 1]);
}

/** Of the U-Net's levels: Swin's own, or halves of the image. */
function sizesOf(c: ChangeConfig, pairs: Tensor, maps: readonly Tensor[]): [number, number][] {
  const [height, width] = pairs.shape.slice(3) as [number, number];
  return maps.map((map, k) =>
    c.sensor === "hr"
      ? (map.shape.slice(2) as [number, number])
      : [Math.ceil(height / 2 ** k), Math.ceil(width / 2 ** k)],
  );
}

/** The paper's sizes but for the width, which is an option. */
function tokensOf(c: ChangeConfig): TokenChangeConfig {
  return { ...differenceOf(c), tokens: 4, depth: 8, heads: 8 };
}

function differenceOf(c: ChangeConfig): DifferenceConfig {
  return { levels: encoderWidths(c), classes: c.classes.length, channels: c.head.channels };
}

import { add } from "../graph/ops/add.ts";
import { pad, slice } from "../graph/ops/pad.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { scope, type Tensor } from "../graph/tensor.ts";
import { initTransformerLinear, linear } from "./linear.ts";
import type { Bound, Initial } from "./parameters.ts";
import type { Tap } from "./tap.ts";
import { type EncoderTraining, keepOrRecompute, pathDropper } from "./training.ts";
import { initLayer, layer, type TransformerConfig } from "./transformer.ts";

/** The fusion transformer (official class `TransformerEncoder`, specification §3.2). */
export interface FusionConfig extends TransformerConfig {
  inputWidth: number;
  /** A learned token is put in front of the others. */
  classToken: boolean;
}

export function initFusion(c: FusionConfig) {
  const token: Initial = { kind: "truncatedNormal", std: 0.02 };
  return {
    cls_token: { shape: [1, 1, c.width], initial: token },
    porj_linear: initTransformerLinear(c.inputWidth, c.width),
    layers: Array.from({ length: c.depth }, () => initLayer(c)),
  };
}

export type FusionParams = Bound<ReturnType<typeof initFusion>>;

/**
 * Attention among the sensors' and dates' features of one place; no position code, no final norm.
 *
 * @param x  Tokens [batch, tokens, inputWidth].
 * @param options.keyMask  [batch, 1, 1, tokens (+ 1)]: very negative where a token is absent, else 0.
 * @param options.first  Return this many tokens only, the first ones, which saves most of the last layer.
 * @param options.training  Drop paths are called `layers.<i>.ffn`.
 * @returns All tokens [batch, tokens (+ 1 with the class token in front), width].
 */
export function fusion(
  p: FusionParams,
  x: Tensor,
  config: FusionConfig,
  {
    keyMask,
    first,
    tap,
    training = {},
  }: { keyMask?: Tensor; first?: number; tap?: Tap; training?: EncoderTraining } = {},
): Tensor {
  let z = linear(p.porj_linear, x);
  if (config.classToken) {
    const tokens = x.shape[1] as number;
    z = add(pad(z, { before: [0, 1, 0] }), pad(p.cls_token, { after: [0, tokens, 0] }));
  }
  for (const [i, params] of p.layers.entries()) {
    const last = i === config.depth - 1;
    const before = z;
    const drop = pathDropper(training, { path: `layers.${i}`, index: i, count: config.depth });
    const options = { ...config, keyMask, ...(last && { first }), drop };
    z = scope(`layers.${i}`, () => keepOrRecompute(training, () => layer(params, before, options)));
    tap?.(`layers.${i}`, () => z);
  }
  return z;
}

/** The first token of [batch, tokens, width], [batch, width]: the fused feature. */
export function classTokenOf(z: Tensor): Tensor {
  const [batch, , width] = z.shape as [Tensor["shape"][number], number, number];
  return reshape(slice(z, { axis: 1, start: 0, end: 1 }), [batch, width]);
}

import { add } from "../graph/ops/add.ts";
import { atLeast } from "../graph/ops/clip.ts";
import { split } from "../graph/ops/concat.ts";
import { div } from "../graph/ops/div.ts";
import { exp } from "../graph/ops/exp.ts";
import { gather } from "../graph/ops/gather.ts";
import { gemm } from "../graph/ops/gemm.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { min } from "../graph/ops/min.ts";
import { mul } from "../graph/ops/mul.ts";
import { norm } from "../graph/ops/reduce.ts";
import { relu } from "../graph/ops/relu.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { sigmoid } from "../graph/ops/sigmoid.ts";
import { softmax } from "../graph/ops/softmax.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { timesDim } from "../graph/shape.ts";
import { constant, indices, scalar, type Tensor } from "../graph/tensor.ts";
import { initLinear, linear, torchDefault } from "./linear.ts";
import type { Bound, Initial } from "./parameters.ts";
import { coordinateTable, relativePositionIndex, type WindowLayout } from "./windows.ts";

/** Hidden width of the position-bias MLP, the same in every architecture. */
const biasHidden = 512;
const zero: Initial = { kind: "constant", value: 0 };

export function initWindowAttention(channels: number, heads: number) {
  return {
    logit_scale: { shape: [heads, 1, 1], initial: { kind: "constant", value: Math.log(10) } satisfies Initial },
    q_bias: { shape: [channels], initial: zero },
    v_bias: { shape: [channels], initial: zero },
    cpb_mlp: {
      0: initLinear(2, biasHidden),
      2: { weight: { shape: [heads, biasHidden], initial: torchDefault(biasHidden) } },
    },
    qkv: { weight: { shape: [3 * channels, channels], initial: torchDefault(channels) } },
    proj: initLinear(channels, channels),
  };
}

export type WindowAttentionParams = Bound<ReturnType<typeof initWindowAttention>>;

/**
 * Scaled cosine attention with a continuous position bias (Liu et al. 2022, arXiv:2111.09883, §3.3; §1.5):
 *   softmax( cos(q, k) · exp(min(s, ln 100)) + 16·σ(MLP(Δ)) + mask ) v, keys without bias.
 *
 * x: windows [batch·count, window², channels] in the order of `layout`; the same shape out.
 */
export function windowAttention(
  p: WindowAttentionParams,
  x: Tensor,
  { heads, pretrained, layout }: { heads: number; pretrained: number; layout: WindowLayout },
): Tensor {
  const [batch, tokens, channels] = x.shape as [Tensor["shape"][number], number, number];
  const width = channels / heads;
  const flat = reshape(x, [timesDim(batch, tokens), channels]);
  // The weight is cut, not its product with the tokens: there are more tokens than channels, and keys have no bias.
  const [wq, wk, wv] = split(p.qkv.weight, [channels, channels, channels]) as [Tensor, Tensor, Tensor];
  const perHead = (t: Tensor) => transpose(reshape(t, [batch, tokens, heads, width]), [0, 2, 1, 3]);
  const q = perHead(gemm(flat, wq, p.q_bias));
  const k = perHead(gemm(flat, wk));
  const v = perHead(gemm(flat, wv, p.v_bias));

  const scale = exp(min(p.logit_scale, scalar(Math.log(100))));
  const cosine = matMul(mul(q, div(scale, length(q))), transpose(div(k, length(k)), [0, 1, 3, 2]));
  const logits = addBias(cosine, positionBias(p, { heads, window: layout.window, pretrained }), layout);
  const mixed = transpose(matMul(softmax(logits), v), [0, 2, 1, 3]);
  return reshape(linear(p.proj, reshape(mixed, [timesDim(batch, tokens), channels])), [batch, tokens, channels]);
}

/** L2 norm over the last axis, kept off zero as `torch.nn.functional.normalize` does. */
function length(x: Tensor): Tensor {
  return atLeast(norm(x, { axes: [-1], keepDims: true }), 1e-12);
}

/** [heads, N, N]: 16·sigmoid of the MLP of each pair's offset. */
export function positionBias(
  { cpb_mlp }: Pick<WindowAttentionParams, "cpb_mlp">,
  { heads, window, pretrained }: { heads: number; window: number; pretrained: number },
): Tensor {
  const entries = (2 * window - 1) ** 2;
  const table = constant(coordinateTable(window, pretrained), [entries, 2]);
  const values = gemm(relu(linear(cpb_mlp[0], table)), cpb_mlp[2].weight);
  const size = window * window;
  const looked = gather(mul(sigmoid(values), scalar(16)), indices(relativePositionIndex(window)));
  return transpose(reshape(looked, [size, size, heads]), [2, 0, 1]);
}

/** Add the position bias [heads, N, N] and, in shifted blocks, each window's mask. */
function addBias(logits: Tensor, bias: Tensor, { mask, count }: WindowLayout): Tensor {
  const [batch, heads, n] = logits.shape as [Tensor["shape"][number], number, number];
  if (mask === undefined) return add(logits, bias);
  const size = n * n;
  const patterns = new Float32Array(mask.patterns.length * size);
  for (const [i, pattern] of mask.patterns.entries()) patterns.set(pattern, i * size);
  // Bias and mask are added once per kind of window, then looked up: one addition less on the logits.
  const kinds = add(bias, constant(patterns, [mask.patterns.length, 1, n, n]));
  const perWindow = gather(kinds, indices(mask.patternOf));
  const images = typeof batch === "number" ? batch / count : { ...batch, times: batch.times / count };
  return reshape(add(reshape(logits, [images, count, heads, n, n]), perWindow), logits.shape);
}

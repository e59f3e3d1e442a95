import { add } from "../graph/ops/add.ts";
import { split } from "../graph/ops/concat.ts";
import { layerNorm } from "../graph/ops/layer-norm.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { slice } from "../graph/ops/pad.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { softmax } from "../graph/ops/softmax.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { scalar, scope, type Tensor } from "../graph/tensor.ts";
import { ffn, initFfn } from "./ffn.ts";
import { initNorm, type LinearParams, linear } from "./linear.ts";
import type { Bound, Initial } from "./parameters.ts";
import type { PathDropper } from "./training.ts";

/** Sizes that all layers of a plain transformer share. */
export interface TransformerConfig {
  width: number;
  depth: number;
  heads: number;
  mlpRatio: number;
  /** Biases of the projections of queries, keys, values and of the output. */
  qkvBias: boolean;
  /** Of all layer norms. */
  epsilon: number;
  /** Linear layers of a feed-forward net (`num_fcs`). */
  ffnLayers: number;
}

const zero: Initial = { kind: "constant", value: 0 };

/** One layer under the official names (`ln1`, `attn.attn`, `ln2`, `ffn`). */
export function initLayer({ width, mlpRatio, qkvBias, ffnLayers }: TransformerConfig) {
  // torch's MultiheadAttention draws the joint projection from Xavier uniform: fan in C, fan out 3C.
  const xavier: Initial = { kind: "uniform", bound: Math.sqrt(6 / (4 * width)) };
  const bias = (n: number) => (qkvBias ? { shape: [n], initial: zero } : undefined);
  return {
    ln1: initNorm(width),
    attn: {
      attn: {
        in_proj_weight: { shape: [3 * width, width], initial: xavier },
        in_proj_bias: bias(3 * width),
        out_proj: {
          weight: { shape: [width, width], initial: { kind: "truncatedNormal", std: 0.02 } satisfies Initial },
          bias: bias(width),
        },
      },
    },
    ln2: initNorm(width),
    ffn: initFfn({ width, hidden: Math.floor(width * mlpRatio), official: true, layers: ffnLayers }),
  };
}

export type LayerParams = Bound<ReturnType<typeof initLayer>>;

/**
 * Pre-norm transformer layer (Dosovitskiy et al. 2021, arXiv:2010.11929, eqs. 2–3; §2.1 step 5):
 *   z′ = MSA(LN(z)) + z,   z″ = FFN(LN(z′)) + z′.   z: tokens [batch, tokens, width].
 *
 * @param options.keyMask  [batch, 1, 1, tokens], 0 where a token may be seen and very negative where not.
 * @param options.first  Compute this many tokens only, the first ones; all are seen by them.
 * @param options.drop  Drops the branch "ffn"; that of attention is never dropped (§2.1 step 5).
 */
export function layer(
  p: LayerParams,
  z: Tensor,
  {
    heads,
    epsilon,
    keyMask,
    first,
    drop = (branch) => branch,
  }: { heads: number; epsilon: number; keyMask?: Tensor | undefined; first?: number; drop?: PathDropper },
): Tensor {
  const attended = scope("attn", () =>
    attention(p.attn.attn, layerNorm(z, p.ln1.weight, p.ln1.bias, { epsilon }), { heads, keyMask, first }),
  );
  const y = add(first === undefined ? z : slice(z, { axis: 1, start: 0, end: first }), attended);
  return add(y, drop(ffn(p.ffn, layerNorm(y, p.ln2.weight, p.ln2.bias, { epsilon })), "ffn"));
}

/** Multi-head self-attention as torch's MultiheadAttention: softmax(q·kᵀ/√d + keyMask) v. */
function attention(
  p: LayerParams["attn"]["attn"],
  z: Tensor,
  { heads, keyMask, first }: { heads: number; keyMask: Tensor | undefined; first: number | undefined },
): Tensor {
  const [batch, tokens, channels] = z.shape as [Tensor["shape"][number], number, number];
  const width = channels / heads;
  const joint: LinearParams = { weight: p.in_proj_weight, ...(p.in_proj_bias && { bias: p.in_proj_bias }) };
  const qkv = transpose(reshape(linear(joint, z), [batch, tokens, 3, heads, width]), [2, 0, 3, 1, 4]);
  const [q, k, v] = split(qkv, [1, 1, 1]).map((part) => reshape(part, [batch, heads, tokens, width]));
  const queries = first === undefined ? q! : slice(q!, { axis: 2, start: 0, end: first });
  const logits = matMul(mul(queries, scalar(1 / Math.sqrt(width))), transpose(k!, [0, 1, 3, 2]));
  const weights = softmax(keyMask === undefined ? logits : add(logits, keyMask));
  const mixed = transpose(matMul(weights, v!), [0, 2, 1, 3]);
  const out: LinearParams = { weight: p.out_proj.weight, ...(p.out_proj.bias && { bias: p.out_proj.bias }) };
  return linear(out, reshape(mixed, [batch, first ?? tokens, channels]));
}

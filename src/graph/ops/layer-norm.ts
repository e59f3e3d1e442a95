import { sameDim } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/**
 * (x − mean) / √(variance + epsilon) · weight + bias over the last axis, biased variance (Ba et al. 2016,
 * arXiv:1607.06450). x: [..., C]; weight, bias: [C].
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, { epsilon }: { epsilon: number }): Tensor {
  return emit(rule, [x, weight, bias], { epsilon });
}

const rule: OpRule<readonly [x: Tensor, weight: Tensor, bias: Tensor], { epsilon: number }> = {
  onnx: ["LayerNormalization", 17],
  type: ([x, weight, bias]) => {
    const channels = x.shape.at(-1);
    for (const p of [weight, bias]) {
      if (channels === undefined || p.shape.length !== 1 || !sameDim(p.shape[0]!, channels)) {
        throw new Error("weight and bias must have the extent of the last axis");
      }
    }
    return { shape: x.shape, dtype: x.dtype };
  },
  attributes: ({ epsilon }) => ({ axis: -1, epsilon: { float: epsilon } }),
};

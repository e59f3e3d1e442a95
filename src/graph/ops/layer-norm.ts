import { sameDim } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";
import { mean } from "./reduce.ts";
import { sub } from "./sub.ts";

/**
 * (x − mean) / √(variance + epsilon) · weight + bias over the last axis, biased variance (Ba et al. 2016,
 * arXiv:1607.06450). x: [..., C]; weight, bias: [C].
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, { epsilon }: { epsilon: number }): Tensor {
  return emit(rule, [x, weight, bias], { epsilon });
}

const rule: OpRule<readonly [x: Tensor, weight: Tensor, bias: Tensor], { epsilon: number }> = {
  onnx: ["LayerNormalization", 17],
  optionalOutputs: true,
  type: ([x, weight, bias]) => {
    const channels = x.shape.at(-1);
    for (const p of [weight, bias]) {
      if (channels === undefined || p.shape.length !== 1 || !sameDim(p.shape[0]!, channels)) {
        throw new Error("weight and bias must have the extent of the last axis");
      }
    }
    const statistic = { shape: x.shape.with(-1, 1), dtype: x.dtype };
    return [{ shape: x.shape, dtype: x.dtype }, statistic, statistic];
  },
  attributes: ({ epsilon }) => ({ axis: -1, epsilon: { float: epsilon } }),
  // From the mean and the inverse deviation that the forward pass found (Ba et al. 2016, supplement).
  grad: ({ inputs: [x, weight], outputs: [, average, inverse], dy }) => {
    const normal = mul(sub(x, average!), inverse!);
    const d = mul(dy, weight);
    const along = { axes: [-1], keepDims: true };
    const dx = mul(inverse!, sub(sub(d, mean(d, along)), mul(normal, mean(mul(d, normal), along))));
    return [dx, mul(dy, normal), dy];
  },
};

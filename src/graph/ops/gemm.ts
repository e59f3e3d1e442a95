import { sameDim } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** x Wᵀ + bias: [M, K], [N, K], [N] → [M, N]. One operator with the bias inside; weights as PyTorch stores them. */
export function gemm(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return emit(rule, bias === undefined ? [x, weight] : [x, weight, bias], {});
}

const rule: OpRule<readonly [x: Tensor, weight: Tensor, bias?: Tensor] & readonly Tensor[]> = {
  onnx: ["Gemm", 13],
  type: ([x, weight, bias]) => {
    if (x.shape.length !== 2 || weight.shape.length !== 2) throw new Error("both must be matrices");
    const [m, k] = x.shape;
    const [n, k2] = weight.shape;
    if (!sameDim(k!, k2!)) throw new Error("the inner extents differ");
    if (bias !== undefined && (bias.shape.length !== 1 || !sameDim(bias.shape[0]!, n!))) {
      throw new Error("the bias must have one value an output");
    }
    return { shape: [m!, n!], dtype: x.dtype };
  },
  attributes: () => ({ transB: 1 }),
};

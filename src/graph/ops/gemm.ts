import { sameDim } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { sum } from "./reduce.ts";

/** x Wᵀ + bias: [M, K], [N, K], [N] → [M, N]. One operator with the bias inside; weights as PyTorch stores them. */
export function gemm(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return emit(rule, bias === undefined ? [x, weight] : [x, weight, bias], { transA: false, transB: true });
}

/** Product of two matrices, each read as it lies or transposed. */
function product(a: Tensor, b: Tensor, flags: GemmAttrs): Tensor {
  return emit(rule, [a, b], flags);
}

interface GemmAttrs {
  transA: boolean;
  transB: boolean;
}

const rule: OpRule<readonly [a: Tensor, b: Tensor, bias?: Tensor] & readonly Tensor[], GemmAttrs> = {
  onnx: ["Gemm", 13],
  type: ([a, b, bias], { transA, transB }) => {
    if (a.shape.length !== 2 || b.shape.length !== 2) throw new Error("both must be matrices");
    const [m, k] = transA ? a.shape.toReversed() : a.shape;
    const [k2, n] = transB ? b.shape.toReversed() : b.shape;
    if (!sameDim(k!, k2!)) throw new Error("the inner extents differ");
    if (bias !== undefined && (bias.shape.length !== 1 || !sameDim(bias.shape[0]!, n!))) {
      throw new Error("the bias must have one value an output");
    }
    return { shape: [m!, n!], dtype: a.dtype };
  },
  attributes: ({ transA, transB }) => ({ ...(transA && { transA: 1 }), ...(transB && { transB: 1 }) }),
  // Products again, with the matrices read the other way: nothing is transposed.
  grad: ({ inputs: [a, b, bias], attrs: { transA, transB }, dy }) => [
    transA ? product(b, dy, { transA: transB, transB: true }) : product(dy, b, { transA: false, transB: !transB }),
    transB ? product(dy, a, { transA: true, transB: transA }) : product(a, dy, { transA: !transA, transB: false }),
    ...(bias === undefined ? [] : [sum(dy, { axes: [0] })]),
  ],
};

import { broadcastShapes, sameDim } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { transpose } from "./transpose.ts";

/** Matrix product over the last two axes; leading axes broadcast. [..., M, K] · [..., K, N] → [..., M, N]. */
export function matMul(a: Tensor, b: Tensor): Tensor {
  return emit(rule, [a, b], {});
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["MatMul", 13],
  type: ([a, b]) => {
    if (a.shape.length < 2 || b.shape.length < 2) throw new Error("both must have two axes or more");
    const [m, k] = a.shape.slice(-2) as [number, number];
    const [k2, n] = b.shape.slice(-2) as [number, number];
    if (!sameDim(k, k2)) throw new Error("the inner extents differ");
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    if (batch === undefined) throw new Error("the leading axes do not broadcast");
    return { shape: [...batch, m, n], dtype: a.dtype };
  },
  grad: ({ inputs: [a, b], dy }) => [matMul(dy, swapped(b)), matMul(swapped(a), dy)],
};

/** The last two axes exchanged; ONNX Runtime reads the matrix the other way instead. */
function swapped(x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  return transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

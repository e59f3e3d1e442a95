import { formatShape, type Shape, sameDim, sameShape, sizeOf } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** The same values, row-major, in another shape of the same size. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : emit(rule, [x], { shape });
}

const rule: OpRule<readonly [x: Tensor], { shape: Shape }> = {
  onnx: ["Reshape", 14],
  type: ([x], { shape }) => {
    if (!sameDim(sizeOf(shape), sizeOf(x.shape))) throw new Error(`cannot be reshaped to ${formatShape(shape)}`);
    return { shape, dtype: x.dtype };
  },
  grad: ({ inputs: [x], dy }) => [reshape(dy, x.shape)],
  // ONNX infers the one symbolic extent from the others.
  operands: (_, { shape }) => [shape.map((dim) => (typeof dim === "number" ? dim : -1))],
};

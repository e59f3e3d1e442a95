import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** Index of the largest entry along the last axis, the first of equals: [..., C] → int64 [...]; without gradient. */
export function argMax(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["ArgMax", 13],
  type: ([x]) => ({ shape: x.shape.slice(0, -1), dtype: "int64" }),
  attributes: () => ({ axis: -1, keepdims: 0 }),
  grad: () => [undefined],
};

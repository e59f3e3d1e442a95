import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** Integers as float32, and truth as 0 and 1; without gradient. */
export function toFloat(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Cast", 13],
  type: ([x]) => ({ shape: x.shape, dtype: "float32" }),
  attributes: () => ({ to: 1 }),
  grad: () => [undefined],
};

import { sameType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";

/** 1 / (1 + e⁻ˣ), elementwise. */
export function sigmoid(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Sigmoid", 13],
  type: sameType,
  grad: ({ y, dy }) => [mul(dy, mul(y, sub(scalar(1), y)))],
};

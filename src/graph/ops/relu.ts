import { sameType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";

/** max(x, 0), elementwise. */
export function relu(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Relu", 14],
  type: sameType,
  grad: ({ inputs: [x], dy }) => [mul(dy, greater(x, scalar(0)))],
};

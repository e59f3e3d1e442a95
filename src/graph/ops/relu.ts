import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** max(x, 0), elementwise. */
export function relu(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = { onnx: ["Relu", 14], type: sameType };

import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** √x, elementwise. */
export function sqrt(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = { onnx: ["Sqrt", 13], type: sameType };

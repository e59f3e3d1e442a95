import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** The error function, elementwise. */
export function erf(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = { onnx: ["Erf", 13], type: sameType };

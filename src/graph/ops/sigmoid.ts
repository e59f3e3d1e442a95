import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** 1 / (1 + e⁻ˣ), elementwise. */
export function sigmoid(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = { onnx: ["Sigmoid", 13], type: sameType };

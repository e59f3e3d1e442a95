import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) along the last axis (others are ten times slower on the CPU). */
export function softmax(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Softmax", 13],
  type: sameType,
  attributes: () => ({ axis: -1 }),
};

import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";
import { sum } from "./reduce.ts";
import { sub } from "./sub.ts";

/** yᵢ = xᵢ − ln Σⱼ exp(xⱼ) along the last axis, for logits of any size. */
export function logSoftmax(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["LogSoftmax", 13],
  type: sameType,
  attributes: () => ({ axis: -1 }),
  // ∂L/∂x = dy − softmax(x) Σ dy
  grad: ({ y, dy }) => [sub(dy, mul(exp(y), sum(dy, { axes: [-1], keepDims: true })))],
};

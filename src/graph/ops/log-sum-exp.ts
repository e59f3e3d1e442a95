import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";

/** ln Σⱼ exp(xⱼ) over the last axis, which stays with extent 1, for logits of any size. */
export function logSumExp(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["ReduceLogSumExp", 18],
  type: ([x]) => ({ shape: x.shape.with(-1, 1), dtype: x.dtype }),
  attributes: () => ({ keepdims: 1 }),
  operands: ([x]) => [[x.shape.length - 1]],
  // ∂L/∂x = softmax(x) dy
  grad: ({ inputs: [x], y, dy }) => [mul(exp(sub(x, y)), dy)],
};

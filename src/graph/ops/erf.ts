import { sameType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";

/** The error function, elementwise. */
export function erf(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Erf", 13],
  type: sameType,
  grad: ({ inputs: [x], dy }) => [mul(dy, mul(exp(mul(mul(x, x), scalar(-1))), scalar(2 / Math.sqrt(Math.PI))))],
};

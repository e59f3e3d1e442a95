import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";

/** eˣ, elementwise. */
export function exp(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Exp", 13],
  type: sameType,
  grad: ({ y, dy }) => [mul(dy, y)],
};

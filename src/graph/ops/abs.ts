import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";

/** |x|, elementwise; at 0 the gradient is 0. */
export function abs(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Abs", 13],
  type: sameType,
  grad: ({ inputs: [x], dy }) => [mul(dy, emit(sign, [x], {}))],
};

const sign: OpRule<readonly [x: Tensor]> = {
  onnx: ["Sign", 13],
  type: sameType,
  grad: () => [undefined],
};

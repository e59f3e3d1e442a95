import { sameType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";

/** max(x, min), elementwise. On the CPU many times as fast as `max` with a scalar. */
export function atLeast(x: Tensor, min: number): Tensor {
  return emit(rule, [x, scalar(min)], {});
}

const rule: OpRule<readonly [x: Tensor, min: Tensor]> = {
  onnx: ["Clip", 13],
  type: ([x]) => sameType([x]),
  grad: ({ inputs: [x, min], dy }) => [mul(dy, greater(x, min)), undefined],
};

import { sameType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { div } from "./div.ts";
import { mul } from "./mul.ts";

/** √x, elementwise. */
export function sqrt(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Sqrt", 13],
  type: sameType,
  grad: ({ y, dy }) => [div(mul(dy, scalar(0.5)), y)],
};

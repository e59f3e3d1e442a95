import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { div } from "./div.ts";

/** ln x, elementwise. */
export function log(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Log", 13],
  type: sameType,
  grad: ({ inputs: [x], dy }) => [div(dy, x)],
};

import { broadcastType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";

/** max(a, b), elementwise with broadcasting. */
export function max(a: Tensor, b: Tensor): Tensor {
  return emit(rule, [a, b], {});
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Max", 13],
  type: broadcastType,
  grad: ({ inputs: [a, b], dy }) => [mul(dy, greater(a, b)), mul(dy, greater(b, a))],
};

import { broadcastType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";

/** min(a, b), elementwise with broadcasting. */
export function min(a: Tensor, b: Tensor): Tensor {
  return emit(rule, [a, b], {});
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Min", 13],
  type: broadcastType,
  grad: ({ inputs: [a, b], dy }) => [mul(dy, greater(b, a)), mul(dy, greater(a, b))],
};

import { broadcastType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";

/** a − b, elementwise with broadcasting. */
export function sub(a: Tensor, b: Tensor): Tensor {
  return emit(rule, [a, b], {});
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Sub", 14],
  type: broadcastType,
  grad: ({ dy }) => [dy, mul(dy, scalar(-1))],
};

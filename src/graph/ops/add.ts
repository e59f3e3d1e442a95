import { broadcastType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** a + b, elementwise with broadcasting. */
export function add(a: Tensor, b: Tensor): Tensor {
  return emit(rule, [a, b], {});
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Add", 14],
  type: broadcastType,
  grad: ({ dy }) => [dy, dy],
};

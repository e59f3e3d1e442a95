import { broadcastType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** a · b, elementwise with broadcasting. */
export function mul(a: Tensor, b: Tensor): Tensor {
  return emit(rule, [a, b], {});
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Mul", 14],
  type: broadcastType,
  grad: ({ inputs: [a, b], dy }) => [mul(dy, b), mul(dy, a)],
};

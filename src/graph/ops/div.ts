import { broadcastType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";

/** a / b, elementwise with broadcasting. */
export function div(a: Tensor, b: Tensor): Tensor {
  return emit(rule, [a, b], {});
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Div", 14],
  type: broadcastType,
  grad: ({ inputs: [, b], y, dy }) => {
    const da = div(dy, b);
    return [da, mul(mul(da, y), scalar(-1))];
  },
};

import { sameType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** x, through which no gradient passes. */
export function stopGradient(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Identity", 13],
  type: sameType,
  grad: () => [undefined],
};

import { broadcastType } from "../broadcast.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { toFloat } from "./cast.ts";

/** 1 where a > b, else 0, float32; without gradient. */
export function greater(a: Tensor, b: Tensor): Tensor {
  return toFloat(emit(rule, [a, b], {}));
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Greater", 13],
  type: (inputs) => ({ ...broadcastType(inputs), dtype: "bool" }),
  grad: () => [undefined, undefined],
};

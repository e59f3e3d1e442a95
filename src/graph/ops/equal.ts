import { broadcastType } from "../broadcast.ts";
import { emit, indices, type OpRule, type Tensor } from "../tensor.ts";
import { toFloat } from "./cast.ts";
import { reshape } from "./reshape.ts";

/** 1 where a = b, else 0, float32, elementwise with broadcasting; without gradient. */
export function equal(a: Tensor, b: Tensor): Tensor {
  return toFloat(emit(rule, [a, b], {}));
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Equal", 13],
  type: (inputs) => ({ ...broadcastType(inputs), dtype: "bool" }),
  grad: () => [undefined, undefined],
};

/**
 * 1 at each index's place along a new last axis, else 0: int64 [...] → float32 [..., depth]. An index that is not
 * below `depth`, or is negative, has no place: zeros. (ONNX's own OneHot is slower and counts negative ones back.)
 */
export function oneHot(index: Tensor, depth: number): Tensor {
  const places = indices(Array.from({ length: depth }, (_, i) => i));
  return equal(reshape(index, [...index.shape, 1]), places);
}

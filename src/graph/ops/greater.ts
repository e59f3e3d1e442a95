import { broadcastShapes } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** 1 where a > b, else 0, float32; without gradient. */
export function greater(a: Tensor, b: Tensor): Tensor {
  return emit(cast, [emit(rule, [a, b], {})], {});
}

const rule: OpRule<readonly [a: Tensor, b: Tensor]> = {
  onnx: ["Greater", 13],
  type: ([a, b]) => {
    const shape = broadcastShapes(a.shape, b.shape);
    if (shape === undefined) throw new Error("the shapes do not broadcast");
    return { shape, dtype: "bool" };
  },
};

const cast: OpRule<readonly [x: Tensor]> = {
  onnx: ["Cast", 13],
  type: ([x]) => ({ shape: x.shape, dtype: "float32" }),
  attributes: () => ({ to: 1 }),
};

import { broadcastShapes } from "../shape.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";

/** a where `condition` (bool) holds, else b; elementwise with broadcasting. What is not chosen has no influence. */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return emit(rule, [condition, a, b], {});
}

const rule: OpRule<readonly [condition: Tensor, a: Tensor, b: Tensor]> = {
  onnx: ["Where", 16],
  type: ([condition, a, b]) => {
    if (condition.dtype !== "bool") throw new Error("the condition must be bool");
    if (a.dtype !== b.dtype) throw new Error(`the types ${a.dtype} and ${b.dtype} differ`);
    const both = broadcastShapes(a.shape, b.shape);
    const shape = both && broadcastShapes(condition.shape, both);
    if (shape === undefined) throw new Error("the shapes do not broadcast");
    return { shape, dtype: a.dtype };
  },
  grad: ({ inputs: [condition], dy }) => [
    undefined,
    where(condition, dy, scalar(0)),
    where(condition, scalar(0), dy),
  ],
};

import { broadcastShapes } from "./shape.ts";
import type { Tensor, ValueType } from "./tensor.ts";

/** Type rule of elementwise operators: NumPy's broadcasting, one dtype. */
export function broadcastType([a, b]: readonly [Tensor, Tensor]): ValueType {
  if (a.dtype !== b.dtype) throw new Error(`the types ${a.dtype} and ${b.dtype} differ`);
  const shape = broadcastShapes(a.shape, b.shape);
  if (shape === undefined) throw new Error("the shapes do not broadcast");
  return { shape, dtype: a.dtype };
}

/** Type rule of elementwise operators with one input. */
export function sameType([x]: readonly [Tensor]): ValueType {
  return { shape: x.shape, dtype: x.dtype };
}

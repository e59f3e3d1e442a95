import { resolveAxis } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** Entries start ≤ i < end along one axis. */
export function slice(x: Tensor, { axis, start, end }: { axis: number; start: number; end: number }): Tensor {
  return emit(rule, [x], { axis: resolveAxis(axis, x.shape.length), start, end });
}

const rule: OpRule<readonly [x: Tensor], { axis: number; start: number; end: number }> = {
  onnx: ["Slice", 13],
  type: ([x], { axis, start, end }) => {
    const extent = x.shape[axis];
    if (typeof extent !== "number" || start < 0 || end > extent || start >= end) {
      throw new Error(`[${start}, ${end}) is no part of axis ${axis}`);
    }
    return { shape: x.shape.with(axis, end - start), dtype: x.dtype };
  },
  operands: (_, { axis, start, end }) => [[start], [end], [axis]],
};

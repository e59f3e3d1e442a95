import { resolveAxis } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

interface PadAttrs {
  before: readonly number[];
  after: readonly number[];
}

/** Zeros around x: `before[i]` and `after[i]` of them along axis i; default none. */
export function pad(x: Tensor, { before, after }: Partial<PadAttrs>): Tensor {
  const none = x.shape.map(() => 0);
  const attrs = { before: before ?? none, after: after ?? none };
  return [...attrs.before, ...attrs.after].every((n) => n === 0) ? x : emit(rule, [x], attrs);
}

const rule: OpRule<readonly [x: Tensor], PadAttrs> = {
  onnx: ["Pad", 13],
  type: ([x], { before, after }) => {
    if (before.length !== x.shape.length || after.length !== x.shape.length) {
      throw new Error(`paddings [${before}] and [${after}] do not have its rank`);
    }
    const shape = x.shape.map((dim, i) => {
      const n = before[i]! + after[i]!;
      if (n === 0) return dim;
      if (typeof dim !== "number") throw new Error("the symbolic axis cannot be padded");
      return dim + n;
    });
    return { shape, dtype: x.dtype };
  },
  operands: (_, { before, after }) => [[...before, ...after]],
  grad: ({ inputs: [x], attrs: { before, after }, dy }) => [
    x.shape.reduce<Tensor>((part, extent, axis) => {
      if (before[axis] === 0 && after[axis] === 0) return part;
      return slice(part, { axis, start: before[axis]!, end: before[axis]! + (extent as number) });
    }, dy),
  ],
};

/** Entries start ≤ i < end along one axis. */
export function slice(x: Tensor, { axis, start, end }: { axis: number; start: number; end: number }): Tensor {
  return emit(sliceRule, [x], { axis: resolveAxis(axis, x.shape.length), start, end });
}

const sliceRule: OpRule<readonly [x: Tensor], { axis: number; start: number; end: number }> = {
  onnx: ["Slice", 13],
  type: ([x], { axis, start, end }) => {
    const extent = x.shape[axis];
    if (typeof extent !== "number" || start < 0 || end > extent || start >= end) {
      throw new Error(`[${start}, ${end}) is no part of axis ${axis}`);
    }
    return { shape: x.shape.with(axis, end - start), dtype: x.dtype };
  },
  operands: (_, { axis, start, end }) => [[start], [end], [axis]],
  grad: ({ inputs: [x], attrs: { axis, start, end }, dy }) => {
    const none = x.shape.map(() => 0);
    return [pad(dy, { before: none.with(axis, start), after: none.with(axis, (x.shape[axis] as number) - end) })];
  },
};

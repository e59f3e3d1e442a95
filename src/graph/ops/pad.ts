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
};

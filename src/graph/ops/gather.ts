import { resolveAxis } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** Entries of x along `axis` in the order of `index`, whose axes replace that axis. */
export function gather(x: Tensor, index: Tensor, { axis = 0 } = {}): Tensor {
  return emit(rule, [x, index], { axis });
}

const rule: OpRule<readonly [x: Tensor, index: Tensor], { axis: number }> = {
  onnx: ["Gather", 13],
  type: ([x, index], attrs) => {
    if (index.dtype !== "int64") throw new Error("indices must be int64");
    const axis = resolveAxis(attrs.axis, x.shape.length);
    return { shape: [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)], dtype: x.dtype };
  },
  attributes: ({ axis }) => ({ axis }),
};

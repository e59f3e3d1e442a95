import { resolveAxis } from "../shape.ts";
import { emitMany, type OpRule, type Tensor } from "../tensor.ts";

/** Consecutive pieces of x of the given sizes along `axis`. */
export function split(x: Tensor, sizes: readonly number[], { axis = 0 } = {}): readonly Tensor[] {
  return emitMany(rule, [x], { sizes, axis });
}

const rule: OpRule<readonly [x: Tensor], { sizes: readonly number[]; axis: number }> = {
  onnx: ["Split", 13],
  type: ([x], { sizes, axis }) => {
    const at = resolveAxis(axis, x.shape.length);
    if (sizes.reduce((sum, n) => sum + n, 0) !== x.shape[at]) {
      throw new Error(`pieces of ${sizes} do not add up to axis ${at}`);
    }
    return sizes.map((size) => ({ shape: x.shape.with(at, size), dtype: x.dtype }));
  },
  attributes: ({ axis }) => ({ axis }),
  operands: (_, { sizes }) => [sizes],
};

import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** Axes in another order: output axis i is input axis perm[i]. */
export function transpose(x: Tensor, perm: readonly number[]): Tensor {
  return emit(rule, [x], { perm });
}

const rule: OpRule<readonly [x: Tensor], { perm: readonly number[] }> = {
  onnx: ["Transpose", 13],
  type: ([x], { perm }) => {
    if (perm.length !== x.shape.length || !x.shape.every((_, axis) => perm.includes(axis))) {
      throw new Error(`[${perm}] is no order of its axes`);
    }
    return { shape: perm.map((axis) => x.shape[axis]!), dtype: x.dtype };
  },
  attributes: ({ perm }) => ({ perm }),
  grad: ({ attrs: { perm }, dy }) => [
    transpose(
      dy,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
};

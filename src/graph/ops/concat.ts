import { resolveAxis, sameDim, sumDims } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";

/** Tensors one after the other along `axis`; all other extents are equal. */
export function concat(xs: readonly Tensor[], { axis }: { axis: number }): Tensor {
  return emit(rule, xs, { axis });
}

const rule: OpRule<readonly Tensor[], { axis: number }> = {
  onnx: ["Concat", 13],
  type: (xs, attrs) => {
    const first = xs[0];
    if (first === undefined) throw new Error("there is nothing to concatenate");
    const axis = resolveAxis(attrs.axis, first.shape.length);
    for (const x of xs) {
      const fits = x.shape.length === first.shape.length && x.dtype === first.dtype;
      if (!fits || !x.shape.every((dim, i) => i === axis || sameDim(dim, first.shape[i]!))) {
        throw new Error(`the shapes differ beside axis ${axis}`);
      }
    }
    return { shape: first.shape.with(axis, sumDims(xs.map((x) => x.shape[axis]!))), dtype: first.dtype };
  },
  attributes: ({ axis }) => ({ axis }),
};

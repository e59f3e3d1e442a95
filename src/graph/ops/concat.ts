import { resolveAxis, sameDim, sumDims } from "../shape.ts";
import { emit, emitMany, type OpRule, type Tensor } from "../tensor.ts";
import { zerosLike } from "./reduce.ts";

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
  grad: ({ inputs: xs, attrs, dy }) => {
    const axis = resolveAxis(attrs.axis, dy.shape.length);
    return split(
      dy,
      xs.map((x) => x.shape[axis] as number),
      { axis },
    );
  },
};

/** Consecutive pieces of x of the given sizes along `axis`. */
export function split(x: Tensor, sizes: readonly number[], { axis = 0 } = {}): readonly Tensor[] {
  return emitMany(splitRule, [x], { sizes, axis });
}

const splitRule: OpRule<readonly [x: Tensor], { sizes: readonly number[]; axis: number }> = {
  onnx: ["Split", 13],
  type: ([x], { sizes, axis }) => {
    const at = resolveAxis(axis, x.shape.length);
    if (sizes.reduce((sum, n) => sum + n, 0) !== x.shape[at]) {
      throw new Error(`pieces of ${sizes} do not add up to axis ${at}`);
    }
    return sizes.map((size) => ({ shape: x.shape.with(at, size), dtype: x.dtype }));
  },
  attributes: ({ axis }) => ({ axis }),
  grad: ({ outputs, dys, attrs: { axis } }) => [
    concat(
      outputs.map((y, i) => dys[i] ?? zerosLike(y)),
      { axis },
    ),
  ],
  operands: (_, { sizes }) => [sizes],
};

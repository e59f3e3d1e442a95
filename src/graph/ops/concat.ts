import { resolveAxis, sameDim, sumDims } from "../shape.ts";
import { emit, emitMany, type OpRule, type Tensor } from "../tensor.ts";
import { slice } from "./pad.ts";
import { zerosLike } from "./reduce.ts";
import { reshape } from "./reshape.ts";

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
    const sizes = xs.map((x) => x.shape[axis]!);
    return sizes.every((size) => typeof size === "number") ? split(dy, sizes, { axis }) : evenParts(dy, xs, axis);
  },
};

/** Parts of equal symbolic extents, whose number is known and whose size is not. */
function evenParts(dy: Tensor, xs: readonly Tensor[], axis: number): Tensor[] {
  const size = xs[0]!.shape[axis]!;
  if (axis !== 0 || !xs.every((x) => sameDim(x.shape[axis]!, size))) {
    throw new Error("internal: unlike parts of a symbolic axis have no gradient");
  }
  const stacked = reshape(dy, [xs.length, ...xs[0]!.shape]);
  return xs.map((x, i) => reshape(slice(stacked, { axis: 0, start: i, end: i + 1 }), x.shape));
}

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

import { broadcastShapes, resolveAxis, sameShape } from "../shape.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { toFloat } from "./cast.ts";
import { atLeast } from "./clip.ts";
import { div } from "./div.ts";
import { mul } from "./mul.ts";
import { reshape } from "./reshape.ts";
import { sqrt } from "./sqrt.ts";

interface ReduceAttrs {
  axes: readonly number[];
  keepDims: boolean;
}

/** Σ over `axes`; reduced axes stay with extent 1 if `keepDims`. */
export function sum(x: Tensor, { axes, keepDims = false }: { axes: readonly number[]; keepDims?: boolean }): Tensor {
  return emit(sumRule, [x], { axes: axes.map((axis) => resolveAxis(axis, x.shape.length)), keepDims });
}

/** Arithmetic mean over `axes`. */
export function mean(x: Tensor, { axes, keepDims = false }: { axes: readonly number[]; keepDims?: boolean }): Tensor {
  return emit(meanRule, [x], { axes: axes.map((axis) => resolveAxis(axis, x.shape.length)), keepDims });
}

/** √Σx² over `axes`. */
export function norm(x: Tensor, { axes, keepDims = false }: { axes: readonly number[]; keepDims?: boolean }): Tensor {
  return emit(normRule, [x], { axes: axes.map((axis) => resolveAxis(axis, x.shape.length)), keepDims });
}

function reducedType([x]: readonly [Tensor], { axes, keepDims }: ReduceAttrs) {
  const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  return { shape: keepDims ? kept : kept.filter((_, i) => !axes.includes(i)), dtype: x.dtype };
}

const sumRule: OpRule<readonly [x: Tensor], ReduceAttrs> = {
  onnx: ["ReduceSum", 13],
  type: reducedType,
  attributes: ({ keepDims }) => ({ keepdims: keepDims ? 1 : 0 }),
  operands: (_, { axes }) => [axes],
  grad: ({ inputs: [x], attrs, dy }) => [expandLike(restored(dy, x, attrs), x)],
};

/** A reduced tensor with its reduced axes back, of extent 1. */
function restored(y: Tensor, x: Tensor, { axes }: ReduceAttrs): Tensor {
  return reshape(
    y,
    x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)),
  );
}

// Before opset 18 the axes of these two were an attribute.
const meanRule: OpRule<readonly [x: Tensor], ReduceAttrs> = {
  ...sumRule,
  onnx: ["ReduceMean", 18],
  decompose: ([x], attrs) => {
    return div(sum(x, attrs), countOf(x, attrs.axes));
  },
  grad: ({ inputs: [x], attrs, dy }) => [expandLike(div(restored(dy, x, attrs), countOf(x, attrs.axes)), x)],
};

const normRule: OpRule<readonly [x: Tensor], ReduceAttrs> = {
  ...sumRule,
  onnx: ["ReduceL2", 18],
  decompose: ([x], attrs) => sqrt(sum(mul(x, x), attrs)),
  // At x = 0 the norm has no gradient; PyTorch gives 0 there, and so does a divisor kept off zero.
  grad: ({ inputs: [x], attrs, y, dy }) => [
    mul(x, div(restored(dy, x, attrs), atLeast(restored(y, x, attrs), 1e-30))),
  ],
};

/** How many values x has along `axes`, a float32 scalar; found at the run where an axis is symbolic. */
export function countOf(x: Tensor, axes: readonly number[]): Tensor {
  const fixed = axes.reduce((n, axis) => (typeof x.shape[axis] === "number" ? n * x.shape[axis] : n), 1);
  const symbolic = axes.find((axis) => typeof x.shape[axis] !== "number");
  if (symbolic === undefined) return scalar(fixed);
  return mul(toFloat(reshape(emit(extentRule, [x], { axis: symbolic }), [])), scalar(fixed));
}

const extentRule: OpRule<readonly [x: Tensor], { axis: number }> = {
  onnx: ["Shape", 15],
  type: () => ({ shape: [1], dtype: "int64" }),
  attributes: ({ axis }) => ({ start: axis, end: axis + 1 }),
  grad: () => [undefined],
};

/** x repeated along its extents of 1 to the shape of `like`. */
export function expandLike(x: Tensor, like: Tensor): Tensor {
  return sameShape(x.shape, like.shape) ? x : emit(expandRule, [x, emit(shapeOf, [like], {})], { shape: like.shape });
}

/** Zeros in the shape of `like`. */
export function zerosLike(like: Tensor): Tensor {
  return expandLike(
    reshape(
      scalar(0),
      like.shape.map(() => 1),
    ),
    like,
  );
}

const expandRule: OpRule<readonly [x: Tensor, shape: Tensor], { shape: Tensor["shape"] }> = {
  onnx: ["Expand", 13],
  type: ([x], { shape }) => {
    const out = broadcastShapes(x.shape, shape);
    if (out === undefined || !sameShape(out, shape)) throw new Error("cannot be expanded");
    return { shape, dtype: x.dtype };
  },
  grad: ({ dy, inputs: [x] }) => [undo(dy, x), undefined],
};

const shapeOf: OpRule<readonly [x: Tensor]> = {
  onnx: ["Shape", 15],
  type: ([x]) => ({ shape: [x.shape.length], dtype: "int64" }),
  grad: () => [undefined],
};

/** Undo a broadcast: sum `dy` over the axes along which `x` was repeated. */
export function undo(dy: Tensor, x: Tensor): Tensor {
  const added = dy.shape.length - x.shape.length;
  const axes = dy.shape.flatMap((dim, i) => (i < added || (x.shape[i - added] === 1 && dim !== 1) ? [i] : []));
  return axes.length === 0 ? dy : reshape(sum(dy, { axes }), x.shape);
}

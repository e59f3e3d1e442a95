import { resolveAxis } from "../shape.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";
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
};

// Before opset 18 the axes of these two were an attribute.
const meanRule: OpRule<readonly [x: Tensor], ReduceAttrs> = {
  ...sumRule,
  onnx: ["ReduceMean", 18],
  decompose: ([x], attrs) => {
    const count = attrs.axes.reduce((n, axis) => n * (x.shape[axis] as number), 1);
    return mul(sum(x, attrs), scalar(1 / count));
  },
};

const normRule: OpRule<readonly [x: Tensor], ReduceAttrs> = {
  ...sumRule,
  onnx: ["ReduceL2", 18],
  decompose: ([x], attrs) => sqrt(sum(mul(x, x), attrs)),
};

import { resolveAxis } from "../shape.ts";
import { emit, indices, type OpRule, type Tensor } from "../tensor.ts";
import { pad } from "./pad.ts";
import { zerosLike } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

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
  grad: ({ inputs: [x, index], attrs, dy }) => {
    const axis = resolveAxis(attrs.axis, x.shape.length);
    const rows = reshape(index, [...index.shape, 1]);
    if (axis === 0) return [scatterAdd(zerosLike(x), rows, dy), undefined];
    // Rows are what can be added to: the axis goes to the front and back.
    const others = x.shape.flatMap((_, i) => (i === axis ? [] : [i]));
    const rank = index.shape.length;
    const place = (i: number) => (i < axis ? i : i + rank - 1);
    const updates = transpose(dy, [...index.shape.map((_, i) => axis + i), ...others.map(place)]);
    const order = [axis, ...others];
    const added = scatterAdd(zerosLike(transpose(x, order)), rows, updates);
    return [
      transpose(
        added,
        order.map((_, i) => order.indexOf(i)),
      ),
      undefined,
    ];
  },
};

/** x with rows of `updates` added at `index` [..., 1]; rows may repeat. */
export function scatterAdd(x: Tensor, index: Tensor, updates: Tensor): Tensor {
  return emit(scatterRule, [x, index, updates], {});
}

const scatterRule: OpRule<readonly [x: Tensor, index: Tensor, updates: Tensor]> = {
  onnx: ["ScatterND", 18],
  type: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  attributes: () => ({ reduction: "add" }),
};

/**
 * Entries of x along `axis` in another order, each once at most; zeros where the order says −1. (Windows of a map, and
 * back.) Its gradient is the inverse order.
 */
export function rearrange(x: Tensor, order: Int32Array, { axis }: { axis: number }): Tensor {
  return emit(rearrangeRule, [x], { order, axis: resolveAxis(axis, x.shape.length) });
}

const rearrangeRule: OpRule<readonly [x: Tensor], { order: Int32Array; axis: number }> = {
  onnx: ["Rearrange", Number.POSITIVE_INFINITY],
  type: ([x], { order, axis }) => ({ shape: x.shape.with(axis, order.length), dtype: x.dtype }),
  decompose: ([x], { order, axis }) => {
    const extent = x.shape[axis] as number;
    if (order.every((from) => from >= 0)) return gather(x, indices(order), { axis });
    const padded = pad(x, { after: x.shape.map((_, i) => (i === axis ? 1 : 0)) });
    return gather(padded, indices(order.map((from) => (from < 0 ? extent : from))), { axis });
  },
  grad: ({ inputs: [x], attrs: { order, axis }, dy }) => {
    const inverse = new Int32Array(x.shape[axis] as number).fill(-1);
    for (const [to, from] of order.entries()) if (from >= 0) inverse[from] = to;
    return [rearrange(dy, inverse, { axis })];
  },
};

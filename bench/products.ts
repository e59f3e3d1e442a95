import { fixedShape } from "../src/graph/shape.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { topologicalOrder } from "../src/graph/walk.ts";
import type { GemmShape } from "../src/runtime/gemm-graph.ts";

/**
 * The matrix products of a graph: of its linear layers and of its attention, as they stand in it. They are all the
 * work that a model has to do; whatever else its graph does is overhead.
 */
export function productsOf(outputs: readonly Tensor[], batch = 1): GemmShape[] {
  const counts = new Map<string, GemmShape & { count: number }>();
  for (const node of topologicalOrder(outputs)) {
    if (node.kind !== "op") continue;
    const [type] = node.rule.onnx;
    if (type !== "MatMul" && type !== "Gemm") continue;
    const [left, right] = node.inputs.map(({ shape }) => fixedShape(shape, batch)) as [number[], number[]];
    const result = fixedShape(node.outputs[0]!.shape, batch);
    const [m, n] = result.slice(-2) as [number, number];
    const lead = result.slice(0, -2).reduce((product, extent) => product * extent, 1);
    // A matrix on the right serves all that the left has in front: one tall product.
    const tall = right.length === 2;
    // A Gemm may take its left transposed: what is not m of it is k.
    const k = type === "Gemm" ? (left[0]! * left[1]!) / m : left.at(-1)!;
    const shape = { batch: tall ? 1 : lead, m: tall ? m * lead : m, k, n, count: 1 };
    const key = `${shape.batch}:${shape.m}x${k}x${n}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, shape);
    else known.count++;
  }
  return [...counts.values()];
}

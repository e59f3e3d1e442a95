import { add } from "./ops/add.ts";
import { undo, zerosLike } from "./ops/reduce.ts";
import { replays } from "./recompute.ts";
import { formatShape, sameShape } from "./shape.ts";
import { type Node, scope, type Tensor } from "./tensor.ts";
import { topologicalOrder } from "./walk.ts";

/** An output of the forward graph and the gradient of the loss by it. */
export interface Cotangent {
  of: Tensor;
  /** Of the same shape. */
  value: Tensor;
}

/**
 * Reverse-mode differentiation: ∂L/∂t for each of `by`, as further nodes of the graph (Griewank & Walther 2008, ch. 3).
 *
 * @param cotangents  Where the walk starts: the loss with 1, or several outputs with what a later graph found for them.
 * @returns In the order of `by`; zeros where a tensor has no influence.
 */
export function gradients(cotangents: readonly Cotangent[], by: readonly Tensor[]): Tensor[] {
  const order = topologicalOrder(cotangents.map(({ of }) => of));
  const wanted = new Set<Node>(by.map(({ node }) => node));
  // Nodes through which a wanted tensor has influence: the others are never differentiated.
  for (const node of order) {
    if (node.kind === "op" && node.inputs.some((t) => wanted.has(t.node))) wanted.add(node);
  }
  const sums = new Map<Node, (Tensor | undefined)[]>();
  const accumulate = (t: Tensor, d: Tensor) => {
    if (!sameShape(t.shape, d.shape)) {
      throw new Error(`internal: a gradient of ${formatShape(d.shape)} for a tensor of ${formatShape(t.shape)}`);
    }
    const known = sums.get(t.node) ?? [];
    const before = known[t.output];
    known[t.output] = before === undefined ? d : add(before, d);
    sums.set(t.node, known);
  };
  for (const { of, value } of cotangents) accumulate(of, value);
  const replay = replays(order);

  for (const node of order.toReversed()) {
    const dys = sums.get(node);
    if (node.kind !== "op" || dys === undefined || !wanted.has(node)) continue;
    const { rule, attrs } = node;
    scope(`grad.${node.scope}`, () => {
      if (rule.grad === undefined) throw new Error(`internal: ${rule.onnx[0]} "${node.scope}" has no gradient`);
      const dy = dys[0] ?? zerosLike(node.outputs[0]!);
      const { inputs, outputs } = replay(node, dy);
      const found = rule.grad({ inputs, attrs, outputs, y: outputs[0]!, dy, dys });
      for (const [i, input] of node.inputs.entries()) {
        const d = found[i];
        if (d !== undefined && wanted.has(input.node)) accumulate(input, undo(d, input));
      }
    });
  }
  return by.map((t) => sums.get(t.node)?.[t.output] ?? zerosLike(t));
}

import type { Node, Tensor } from "./tensor.ts";

/** All nodes that `outputs` need, each after those it needs. Iterative: deep models would overflow the stack. */
export function topologicalOrder(outputs: readonly Tensor[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const visit = (node: Node) => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, next: 0 });
  };
  for (const { node } of outputs) {
    visit(node);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const inputs = top.node.kind === "op" ? top.node.inputs : [];
      if (top.next < inputs.length) visit(inputs[top.next++]!.node);
      else order.push(stack.pop()!.node);
    }
  }
  return order;
}

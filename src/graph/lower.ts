import { emitMany, type Node, scope, type Tensor } from "./tensor.ts";
import { topologicalOrder } from "./walk.ts";

/** The same graph with every operator that is newer than `opset` spelt out in older ones. */
export function lower(outputs: readonly Tensor[], opset: number): Tensor[] {
  const replaced = new Map<Node, readonly Tensor[]>();
  const resolve = (t: Tensor): Tensor => replaced.get(t.node)?.[t.output] ?? t;
  for (const node of topologicalOrder(outputs)) {
    if (node.kind !== "op") continue;
    const inputs = node.inputs.map(resolve);
    const { rule, attrs } = node;
    const tooNew = rule.onnx[1] > opset;
    if (!tooNew && inputs.every((t, i) => t === node.inputs[i])) continue;
    const rebuilt = scope(node.scope, () => {
      if (!tooNew) return emitMany(rule, inputs, attrs);
      if (rule.decompose === undefined) {
        throw new Error(`internal: ${rule.onnx[0]} needs opset ${rule.onnx[1]} and cannot be written at ${opset}`);
      }
      return [rule.decompose(inputs, attrs)];
    });
    replaced.set(node, rebuilt);
  }
  return outputs.map(resolve);
}

import { sameType } from "../broadcast.ts";
import { emit, type Node, type OpRule, type Tensor } from "../tensor.ts";

/** How the values of all processes that share a run become one. */
export type Across = "mean" | "sum";

/**
 * The mean or sum of x over all processes that share a training run: x itself for a process alone. All processes then
 * know the same value, as batch statistics of one large batch are the same for all its samples. A graph that has it
 * is run in parts, between which the processes exchange what they have (`train/split-graph.ts`).
 *
 * Every process differentiates the loss of its own samples; their mean is the loss of the run. So the gradient of what
 * all know comes from all, by the same mean or sum.
 */
export function acrossProcesses(x: Tensor, how: Across): Tensor {
  return emit(rules[how], [x], {});
}

/** How a node combines processes; undefined: it does not. */
export function acrossOf(node: Node): Across | undefined {
  if (node.kind !== "op") return undefined;
  if ((node.rule as unknown) === rules.mean) return "mean";
  return (node.rule as unknown) === rules.sum ? "sum" : undefined;
}

const ruleOf = (how: Across): OpRule<readonly [x: Tensor]> => ({
  onnx: ["Identity", 13],
  type: sameType,
  grad: ({ dy }) => [acrossProcesses(dy, how)],
});

const rules = { mean: ruleOf("mean"), sum: ruleOf("sum") } as const;

import { add } from "./ops/add.ts";
import { greater } from "./ops/greater.ts";
import { reshape } from "./ops/reshape.ts";
import { sizeOf } from "./shape.ts";
import {
  emit,
  emitMany,
  inSegment,
  type Node,
  type OpRule,
  type Segment,
  scalar,
  scope,
  type Tensor,
} from "./tensor.ts";

/**
 * Keep nothing of what `build` computes but its result: the backward pass computes the inside again from the inputs
 * (Chen et al. 2016, arXiv:1604.06174). Around each block of a deep model, memory for activations falls to one tensor
 * a block, for a third more work. The graph of the forward pass is the same.
 */
export function recompute<T>(build: () => T): T {
  return inSegment(build);
}

type OpNode = Extract<Node, { kind: "op" }>;

/** Inputs and outputs with which a node is differentiated. */
export type Replayed = Pick<OpNode, "inputs" | "outputs">;

/**
 * How the backward walk sees nodes: those of a segment by their copies, which are made when the walk comes to it.
 *
 * @param order  All nodes, each after those it needs.
 */
export function replays(order: readonly Node[]): (node: OpNode, dy: Tensor) => Replayed {
  const segments = new Map<Segment, OpNode[]>();
  for (const node of order) {
    if (node.kind !== "op" || node.segment === undefined) continue;
    const members = segments.get(node.segment);
    if (members === undefined) segments.set(node.segment, [node]);
    else members.push(node);
  }
  const copies = new Map<Segment, Map<Tensor, Tensor>>();
  return (node, dy) => {
    if (node.segment === undefined) return node;
    let copy = copies.get(node.segment);
    if (copy === undefined) {
      copy = copyNodes(segments.get(node.segment)!, dy);
      copies.set(node.segment, copy);
    }
    const now = (t: Tensor) => copy.get(t) ?? t;
    return { inputs: node.inputs.map(now), outputs: node.outputs.map(now) };
  };
}

/** The nodes again, to run after `dy` is there. What depends on parameters alone is not computed twice. */
function copyNodes(nodes: readonly OpNode[], dy: Tensor): Map<Tensor, Tensor> {
  const copies = new Map<Tensor, Tensor>();
  const inside = new Set<Node>(nodes);
  const zero = zeroAfter(dy);
  const now = (t: Tensor) => {
    const known = copies.get(t);
    if (known !== undefined || inside.has(t.node) || t.dtype !== "float32") return known ?? t;
    if (t.node.kind === "constant" || t.node.kind === "parameter") return t;
    const late = add(t, zero);
    copies.set(t, late);
    return late;
  };
  for (const node of nodes) {
    const inputs = node.inputs.map(now);
    if (inputs.every((t, i) => t === node.inputs[i])) continue;
    const outputs = scope(`again.${node.scope}`, () => emitMany(node.rule, inputs, node.attrs));
    for (const [i, output] of outputs.entries()) copies.set(node.outputs[i]!, output);
  }
  return copies;
}

/**
 * 0, as something that only exists once `dy` does. Added to a segment's inputs it keeps ONNX Runtime from merging the
 * copies with the nodes they are copies of, and from running them early.
 */
function zeroAfter(dy: Tensor): Tensor {
  const first = emit(firstRule, [reshape(dy, [sizeOf(dy.shape)])], {});
  // No number is larger, and what is no number compares as false.
  return greater(reshape(first, []), scalar(Number.POSITIVE_INFINITY));
}

const firstRule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Slice", 13],
  type: ([x]) => ({ shape: [1], dtype: x.dtype }),
  operands: () => [[0], [1], [0]],
};

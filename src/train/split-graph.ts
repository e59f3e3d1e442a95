import { type OnnxGraph, toOnnx } from "../graph/onnx.ts";
import { type Across, acrossOf } from "../graph/ops/across-processes.ts";
import { emitMany, input, type Node, scope, type Tensor } from "../graph/tensor.ts";
import { topologicalOrder } from "../graph/walk.ts";

/** One part of a graph, and what the processes exchange when it has run. */
export interface GraphPart {
  /** Reads the graph's feeds and what parts before it wrote; writes outputs and what parts after it read. */
  graph: OnnxGraph;
  /** Values of the part that are replaced by their mean or sum over the processes. */
  exchanged: readonly { name: string; how: Across }[];
}

type OpNode = Extract<Node, { kind: "op" }>;

/**
 * Cut a graph wherever it needs something of all processes (`acrossProcesses`): each part holds what can be computed
 * before the next exchange, so that all exchanges of one depth are one.
 *
 * @param outputs  By the names that they keep; a part writes those that it computes.
 */
export function splitGraph(outputs: Readonly<Record<string, Tensor>>): GraphPart[] {
  const parts = partsOf(Object.values(outputs));
  const names = new Map<Tensor, string>();
  const nameOf = (t: Tensor) => {
    if (!names.has(t)) names.set(t, `part.${names.size}`);
    return names.get(t)!;
  };
  const last = [...parts.values()].reduce((most, part) => Math.max(most, part), 0);
  const cut = Array.from({ length: last + 1 }, () => new Map<string, Tensor>());
  const exchanged = Array.from({ length: last + 1 }, (): GraphPart["exchanged"][number][] => []);
  const copiers = cut.map((_, part) => copier(part, { parts, nameOf }));
  const write = (name: string, t: Tensor, part: number) => cut[part]!.set(name, copiers[part]!.copy(t));

  for (const [name, t] of Object.entries(outputs)) write(name, t, parts.get(t.node)!);
  // From the last part on: each asks for what it reads of the parts before.
  for (let part = last; part >= 0; part--) {
    for (const t of copiers[part]!.read) {
      const how = acrossOf(t.node);
      if (how === undefined) write(nameOf(t), t, parts.get(t.node)!);
      else if (!exchanged[parts.get(t.node)! - 1]!.some(({ name }) => name === nameOf(t))) {
        // Written under the name of what the exchange makes of it.
        write(nameOf(t), (t.node as OpNode).inputs[0]!, parts.get(t.node)! - 1);
        exchanged[parts.get(t.node)! - 1]!.push({ name: nameOf(t), how });
      }
    }
  }
  return cut.map((tensors, part) => ({ graph: toOnnx(Object.fromEntries(tensors)), exchanged: exchanged[part]! }));
}

/** The part that each node belongs to: how many exchanges lie before it. */
function partsOf(outputs: readonly Tensor[]): Map<Node, number> {
  const parts = new Map<Node, number>();
  for (const node of topologicalOrder(outputs)) {
    const before = node.kind === "op" ? node.inputs.map((t) => parts.get(t.node)!) : [];
    parts.set(node, Math.max(0, ...before) + (acrossOf(node) === undefined ? 0 : 1));
  }
  return parts;
}

/** Copies nodes into a part; what others compute becomes an input there, and is remembered in `read`. */
function copier(
  part: number,
  { parts, nameOf }: { parts: ReadonlyMap<Node, number>; nameOf: (t: Tensor) => string },
): { copy: (t: Tensor) => Tensor; read: Set<Tensor> } {
  const copies = new Map<Node, readonly Tensor[]>();
  const inputs = new Map<Tensor, Tensor>();
  const read = new Set<Tensor>();
  const isOwn = (node: Node): node is OpNode =>
    node.kind === "op" && parts.get(node) === part && acrossOf(node) === undefined;
  const now = (t: Tensor): Tensor => {
    if (t.node.kind !== "op") return t;
    const copied = copies.get(t.node);
    if (copied !== undefined) return copied[t.output]!;
    read.add(t);
    if (!inputs.has(t)) inputs.set(t, input(nameOf(t), t.shape, t.dtype));
    return inputs.get(t)!;
  };
  return {
    read,
    copy(t) {
      for (const node of topologicalOrder([t])) {
        if (!isOwn(node) || copies.has(node)) continue;
        copies.set(
          node,
          scope(node.scope, () => emitMany(node.rule, node.inputs.map(now), node.attrs)),
        );
      }
      return now(t);
    },
  };
}

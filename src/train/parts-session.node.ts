import type { InlineOptions } from "../runtime/inline.node.ts";
import { type InlineSession, inlineSession } from "../runtime/inline.node.ts";
import type { HostTensor } from "../runtime/session.ts";
import type { Communicator } from "./communicator.ts";
import type { GraphPart } from "./split-graph.ts";

/**
 * Run a graph in parts, between which the processes exchange what all of them need.
 *
 * @param bind  What each part reads and writes in place.
 */
export async function partsSession(
  parts: readonly GraphPart[],
  { bind, communicator }: { bind: (part: GraphPart) => InlineOptions; communicator: Communicator },
): Promise<InlineSession> {
  const sessions: InlineSession[] = [];
  const release = async () => {
    for (const session of sessions.splice(0)) await session.release();
  };
  try {
    for (const part of parts) sessions.push(await inlineSession(part.graph, bind(part)));
  } catch (error) {
    await release();
    throw error;
  }
  return {
    async run(feeds) {
      const values = new Map<string, HostTensor>(Object.entries(feeds));
      for (const [i, { graph, exchanged }] of parts.entries()) {
        const own = Object.fromEntries(graph.inputs.map(({ name }) => [name, values.get(name)!]));
        for (const [name, value] of Object.entries(await sessions[i]!.run(own))) values.set(name, value);
        await exchange(
          exchanged.map(({ name, how }) => ({ values: values.get(name)!.data as Float32Array, how })),
          communicator,
        );
        for (const name of values.keys()) {
          if (name.startsWith("part.") && !readAfter(parts, i, name)) values.delete(name);
        }
      }
      for (const name of Object.keys(feeds)) values.delete(name);
      return Object.fromEntries(values);
    },
    release,
  };
}

function readAfter(parts: readonly GraphPart[], part: number, name: string): boolean {
  return parts.slice(part + 1).some(({ graph }) => graph.inputs.some((value) => value.name === name));
}

/** Everything in one message: what is exchanged is small, and the way is long. */
async function exchange(
  list: readonly { values: Float32Array; how: "mean" | "sum" }[],
  communicator: Communicator,
): Promise<void> {
  const all = new Float32Array(list.reduce((sum, { values }) => sum + values.length, 0));
  if (all.length === 0) return;
  let at = 0;
  for (const { values } of list) {
    all.set(values, at);
    at += values.length;
  }
  await communicator.allReduce(all);
  at = 0;
  for (const { values, how } of list) {
    for (let i = 0; i < values.length; i++)
      values[i] = how === "mean" ? all[at + i]! / communicator.size : all[at + i]!;
    at += values.length;
  }
}

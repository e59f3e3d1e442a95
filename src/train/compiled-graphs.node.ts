import type { OnnxGraph } from "../graph/onnx.ts";
import { type InlineOptions, type InlineSession, inlineSession } from "../runtime/inline.node.ts";
import { bindFeeds, type HostTensor } from "../runtime/session.ts";

/** Shapes of the feeds by name. */
export type FeedShapes = Readonly<Record<string, readonly number[]>>;
type Feeds = Readonly<Record<string, HostTensor>>;

/** What was made for feeds of certain shapes, ready to run; feeds that its graph does not read are ignored. */
export interface CompiledGraph<T> {
  made: T;
  run(feeds: Feeds): Promise<Record<string, HostTensor>>;
}

/** Graphs compiled for the shapes that came. */
export interface CompiledGraphs<T> {
  /** @param belongs  What the graph was made from, where feeds alone do not tell: a part may be left unread. */
  for(feeds: Feeds, belongs?: unknown): Promise<CompiledGraph<T>>;
  release(): Promise<void>;
}

/** A graph and what it is bound to; `open`: where it does not run in one piece. */
interface Compilable {
  graph: OnnxGraph;
  bind: InlineOptions;
  open?: (() => Promise<InlineSession>) | undefined;
}

/**
 * Compile a graph for each new set of shapes and keep the last few, since each has working memory of its own. A batch
 * size that the graph leaves open needs no second compilation.
 */
export function compiledGraphs<T extends Compilable>(
  make: (shapes: FeedShapes) => T,
  { most = 4 } = {},
): CompiledGraphs<T> {
  const entries: (CompiledGraph<T> & { belongs: unknown; release(): Promise<void> })[] = [];

  const compile = async (feeds: Feeds, belongs: unknown) => {
    while (entries.length >= most) await entries.shift()!.release();
    const made = make(Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape])));
    const session = await (made.open?.() ?? inlineSession(made.graph, made.bind));
    return {
      made,
      belongs,
      run: (all: Feeds) => session.run(readBy(made.graph, all)),
      release: () => session.release(),
    };
  };
  return {
    async for(feeds, belongs) {
      const known = entries.findIndex((entry) => entry.belongs === belongs && fits(entry.made.graph, feeds));
      const entry = known < 0 ? await compile(feeds, belongs) : entries.splice(known, 1)[0]!;
      entries.push(entry); // the one used last is the last
      return entry;
    },
    async release() {
      for (const entry of entries.splice(0)) await entry.release();
    },
  };
}

function readBy({ inputs }: OnnxGraph, feeds: Feeds): Record<string, HostTensor> {
  return Object.fromEntries(inputs.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])));
}

function fits(graph: OnnxGraph, feeds: Feeds): boolean {
  try {
    bindFeeds(graph.inputs, readBy(graph, feeds));
    return true;
  } catch {
    return false;
  }
}

import { SkySenseError } from "../core/error.ts";
import type { OnnxGraph } from "../graph/onnx.ts";
import type { Compute } from "./protocol.ts";
import {
  bindFeeds,
  checkWeights,
  type Device,
  type HostTensor,
  type Runtime,
  resolveShape,
  type Session,
} from "./session.ts";
import type { Weights } from "./weights.ts";

/** What makes two sessions the same. */
interface Recipe {
  graph: OnnxGraph;
  device: Device;
  weights: Weights | undefined;
  constantWeights: boolean;
}

/** A session that was made, shared by all who compiled the same. */
interface Entry {
  readonly id: number;
  readonly compute: Compute;
  readonly weights: Weights | undefined;
  /** Settles when the session has been made. */
  readonly ready: Promise<unknown>;
}

/**
 * A runtime over whatever performs the calls. Nothing here waits for a call before it makes the next: calls are
 * performed in the order in which they are made, so weights are open before the session that needs them, a session is
 * made before its first run, and its release comes after the runs that were queued.
 */
export function runtimeOn({
  start,
  chooseDevice,
  threads,
  maxSessions,
}: {
  start: () => Compute;
  chooseDevice: () => Promise<Device>;
  threads: number;
  maxSessions: number;
}): Runtime {
  let compute: Compute | undefined;
  let nextId = 0;
  const numberOf = numberObjects();
  /** By key; the session used last is the last. */
  const cache = new Map<string, Entry>();

  const isOpen = (weights: Weights) =>
    [...cache.values()].some((entry) => entry.weights === weights && entry.compute === compute);

  const make = ({ graph, weights, ...options }: Recipe): Entry => {
    if (!compute?.alive) compute = start();
    const table = weights && numberOf(weights);
    const opened =
      weights === undefined || isOpen(weights)
        ? undefined
        : compute.call("openWeights", { table: numberOf(weights), source: weights.source });
    const id = nextId++;
    const { bytes, parameters, outputs } = graph;
    const created = compute.call("create", { session: id, bytes, parameters, outputs, table, threads, ...options });
    return { id, compute, weights, ready: Promise.all([opened, created]) };
  };

  const drop = async (key: string): Promise<void> => {
    const entry = cache.get(key);
    cache.delete(key);
    if (!entry?.compute.alive) return;
    const { compute, id, weights } = entry;
    const calls: Promise<unknown>[] = [compute.call("release", { session: id })];
    if (weights !== undefined && !isOpen(weights)) {
      calls.push(compute.call("closeWeights", { table: numberOf(weights) }));
    }
    await Promise.all(calls);
  };

  /** The session for `key`, made if there is none or if it was lost. */
  const use = (key: string, recipe: Recipe): Entry => {
    const known = cache.get(key);
    const entry = known?.compute.alive ? known : make(recipe);
    cache.delete(key);
    cache.set(key, entry);
    if (entry !== known) {
      entry.ready.catch(() => {
        if (cache.get(key) === entry) drop(key).catch(() => {});
      });
      for (const oldest of [...cache.keys()].slice(0, -maxSessions)) drop(oldest).catch(() => {});
    }
    return entry;
  };

  return {
    async compile(graph, { device: wanted = "auto", weights, constantWeights = false } = {}) {
      if (weights !== undefined) checkWeights(graph, weights);
      const device = wanted === "auto" ? await chooseDevice() : wanted;
      const recipe: Recipe = { graph, device, weights, constantWeights: constantWeights || device !== "cpu" };
      const digest = await crypto.subtle.digest("SHA-256", graph.bytes as Uint8Array<ArrayBuffer>);
      const key = [new Uint8Array(digest), device, weights && numberOf(weights), recipe.constantWeights].join(" ");
      await use(key, recipe).ready;
      return session(recipe, { use: () => use(key, recipe), drop: () => drop(key) });
    },
    async release() {
      // A thread that is just ended would leave the memory of its sessions behind.
      await Promise.allSettled([...cache.keys()].map(drop));
      await compute?.end();
      compute = undefined;
    },
  };
}

/** A number for every object, the same for the same one. */
function numberObjects(): (object: object) => number {
  const numbers = new WeakMap<object, number>();
  let next = 0;
  return (object) => {
    if (!numbers.has(object)) numbers.set(object, next++);
    return numbers.get(object)!;
  };
}

function session(
  { graph, device, weights }: Recipe,
  { use, drop }: { use: () => Entry; drop: () => Promise<void> },
): Session {
  const { inputs, outputs } = graph;
  const fed = weights === undefined ? [...inputs, ...graph.parameters] : inputs;
  return {
    inputs,
    outputs,
    device,
    async run(feeds, { signal } = {}) {
      signal?.throwIfAborted();
      const bindings = bindFeeds(fed, feeds);
      // `slice` copies a view's own part into fresh memory, which then moves to the thread without another copy.
      const copies: Record<string, HostTensor> = {};
      for (const [name, { data, shape }] of Object.entries(feeds)) copies[name] = { data: data.slice(), shape };
      const shapes = outputs.map(({ shape }) => resolveShape(shape, bindings));
      const transfer = Object.values(copies).map(({ data }) => data.buffer as ArrayBuffer);
      const { compute, id, ready } = use();
      try {
        const result = compute.call("run", { session: id, feeds: copies, shapes }, { transfer, signal });
        // If the session could not be made again, that is the error to tell.
        return (await Promise.all([result, ready]))[0];
      } catch (error) {
        // ONNX Runtime's allocator goes on asking for as much as it failed to get: the next run gets a new session.
        if (error instanceof SkySenseError && error.code === "OUT_OF_MEMORY") await drop();
        throw error;
      }
    },
    release: drop,
  };
}

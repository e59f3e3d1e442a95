import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { startWorker } from "../core/worker.node.ts";
import type { OnnxGraph } from "../graph/onnx.ts";
import { type ComputeThread, computeThread } from "./compute-thread.node.ts";
import { chooseDevice } from "./device.node.ts";
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

export interface RuntimeOptions {
  /** Threads that compute; default: what the system offers to this process. */
  threads?: number;
  /** How many sessions are kept; beyond that the one not used for the longest time is freed. Default 8. */
  maxSessions?: number;
}

/** A session of the compute thread, shared by all who compiled the same. */
interface Entry {
  readonly id: number;
  readonly thread: ComputeThread;
  readonly weights: Weights | undefined;
  /** Settles when the session has been made. */
  ready: Promise<unknown>;
}

/** What makes two sessions the same. */
interface Recipe {
  graph: OnnxGraph;
  device: Device;
  weights: Weights | undefined;
  constantWeights: boolean;
}

/** ONNX Runtime in a thread of its own; the thread starts with the first session. */
export function createRuntime({ threads = availableParallelism(), maxSessions = 8 }: RuntimeOptions = {}): Runtime {
  let thread: ComputeThread | undefined;
  let nextId = 0;
  const numberOf = numberObjects();
  /** By key; the session used last is the last. */
  const cache = new Map<string, Entry>();

  const isOpen = (weights: Weights) =>
    [...cache.values()].some((entry) => entry.weights === weights && entry.thread === thread);

  // Calls are answered in the order in which they are made, so a table is open before the session that needs it.
  const make = (key: string, { graph, weights, ...options }: Recipe): Entry => {
    if (!thread?.alive) thread = computeThread(startWorker(import.meta.url, "./compute.worker.node.ts"));
    const table = weights && numberOf(weights);
    const opened =
      weights === undefined || isOpen(weights)
        ? undefined
        : thread.call("openWeights", { table: numberOf(weights), source: weights.source });
    const id = nextId++;
    const { bytes, parameters, outputs } = graph;
    const created = thread.call("create", { session: id, bytes, parameters, outputs, table, threads, ...options });
    const entry = { id, thread, weights, ready: Promise.all([opened, created]) };
    cache.set(key, entry);
    return entry;
  };

  const drop = async (key: string): Promise<void> => {
    const entry = cache.get(key);
    cache.delete(key);
    if (!entry?.thread.alive) return;
    const { thread, id, weights } = entry;
    const released = thread.call("release", { session: id });
    if (weights !== undefined && !isOpen(weights)) await thread.call("closeWeights", { table: numberOf(weights) });
    await released;
  };

  /** The live session for `key`; made if there is none, or if its thread is gone. */
  const acquire = async (key: string, recipe: Recipe): Promise<Entry> => {
    let entry = cache.get(key);
    cache.delete(key);
    if (entry?.thread.alive) cache.set(key, entry);
    else entry = make(key, recipe);
    try {
      await entry.ready;
    } catch (error) {
      if (cache.get(key) === entry) await drop(key).catch(() => {});
      throw error;
    }
    for (const oldest of cache.keys()) {
      if (cache.size <= maxSessions) break;
      drop(oldest).catch(() => {}); // whoever uses it again is told
    }
    return entry;
  };

  return {
    async compile(graph, { device: wanted = "auto", weights, constantWeights = false } = {}) {
      if (weights !== undefined) checkWeights(graph, weights);
      const device = wanted === "auto" ? await chooseDevice({ threads }) : wanted;
      const recipe: Recipe = { graph, device, weights, constantWeights: constantWeights || device !== "cpu" };
      const digest = createHash("sha256").update(graph.bytes).digest("base64");
      const key = [digest, device, weights && numberOf(weights), recipe.constantWeights].join(" ");
      await acquire(key, recipe);
      return session(recipe, { acquire: () => acquire(key, recipe), drop: () => drop(key) });
    },
    async release() {
      // A thread that is just ended leaves the memory of its sessions behind.
      await Promise.allSettled([...cache.keys()].map(drop));
      await thread?.end();
      thread = undefined;
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
  { acquire, drop }: { acquire: () => Promise<Entry>; drop: () => Promise<void> },
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
      const { thread, id } = await acquire();
      const shapes = outputs.map(({ shape }) => resolveShape(shape, bindings));
      const transfer = Object.values(copies).map(({ data }) => data.buffer as ArrayBuffer);
      return thread.call("run", { session: id, feeds: copies, shapes }, { transfer, signal });
    },
    release: drop,
  };
}

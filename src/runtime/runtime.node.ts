import { availableParallelism } from "node:os";
import { startWorker } from "../core/worker.node.ts";
import { computeThread } from "./compute-thread.node.ts";
import { chooseDevice } from "./device.node.ts";
import { runtimeOn } from "./runtime.ts";
import type { Runtime } from "./session.ts";

export interface RuntimeOptions {
  /** Threads that compute; default: what the system offers to this process. */
  threads?: number;
  /** How many sessions are kept; beyond that the one not used for the longest time is freed. Default 8. */
  maxSessions?: number;
}

/** ONNX Runtime in a thread of its own; the thread starts with the first session. */
export function createRuntime({ threads = availableParallelism(), maxSessions = 8 }: RuntimeOptions = {}): Runtime {
  return runtimeOn({
    start: () => computeThread(startWorker(import.meta.url, "./compute.worker.node.ts")),
    chooseDevice: () => chooseDevice({ threads }),
    threads,
    maxSessions,
  });
}

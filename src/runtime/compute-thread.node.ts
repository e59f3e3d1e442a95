import { setMaxListeners } from "node:events";
import type { Worker } from "node:worker_threads";
import { SkySenseError } from "../core/error.ts";
import type { Compute, Reply, Request } from "./protocol.ts";

interface Waiting {
  resolve: (result: never) => void;
  reject: (reason: unknown) => void;
}

/** Talk to a worker that speaks protocol.ts. An idle worker does not keep the process alive, a busy one does. */
export function computeThread(worker: Worker): Compute {
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  worker.unref();

  const settle = (id: number): Waiting | undefined => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    return call;
  };
  let lost: SkySenseError | undefined;
  const lose = (why: string, cause?: unknown) => {
    lost ??= new SkySenseError({
      code: "DEVICE_LOST",
      what: `the thread that computes ended unexpectedly: ${why}`,
      remedy: "Use a smaller batch or smaller tiles if memory was short; otherwise please report it.",
      cause,
    });
    for (const id of [...waiting.keys()]) settle(id)!.reject(lost);
  };
  worker.on("message", (reply: Reply) => {
    const call = settle(reply.id);
    if (call === undefined) return; // aborted
    if ("error" in reply) call.reject(rebuild(reply.error));
    else call.resolve(reply.result as never);
  });
  worker.on("error", (error) => lose(error.message, error));
  worker.on("exit", (code) => lose(`exit code ${code}`));

  return {
    get alive() {
      return lost === undefined;
    },
    call: (method, args, { transfer = [], signal } = {}) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        if (lost !== undefined) throw lost;
        const id = nextId++;
        const abort = () => {
          worker.postMessage({ id, method: "cancel" } satisfies Request);
          settle(id)?.reject(signal!.reason);
        };
        const quiet = () => signal?.removeEventListener("abort", abort);
        waiting.set(id, {
          resolve: (result) => {
            quiet();
            resolve(result);
          },
          reject: (reason) => {
            quiet();
            reject(reason);
          },
        });
        if (signal !== undefined) {
          setMaxListeners(0, signal); // a long queue on one signal is no leak
          signal.addEventListener("abort", abort);
        }
        worker.ref();
        worker.postMessage({ id, method, args }, transfer);
      }),
    end: async () => {
      await worker.terminate();
    },
  };
}

/** Errors lose their class between threads. */
function rebuild({ parts, message, stack }: Extract<Reply, { error: unknown }>["error"]): Error {
  const error = parts === undefined ? new Error(message) : new SkySenseError(parts);
  if (parts === undefined && stack !== undefined) error.stack = stack;
  return error;
}

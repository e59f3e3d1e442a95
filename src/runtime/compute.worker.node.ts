import { parentPort } from "node:worker_threads";
import { SkySenseError } from "../core/error.ts";
import { createCompute } from "./compute.ts";
import { loadOrt } from "./load-ort.node.ts";
import type { Reply, Request } from "./protocol.ts";
import { openSource } from "./weights.node.ts";

/*
 * The compute thread: ONNX Runtime blocks its thread while it computes, so all sessions live here, and their runs
 * are done one after the other.
 */

const port = parentPort!;
const perform = createCompute({ loadOrt, openSource });
const queue: Exclude<Request, { method: "cancel" }>[] = [];
let busy = false;

port.on("message", (request: Request) => {
  if (request.method === "cancel") {
    const index = queue.findIndex(({ id, method }) => id === request.id && method === "run");
    if (index >= 0) queue.splice(index, 1);
    return;
  }
  queue.push(request);
  if (!busy) void work();
});

async function work(): Promise<void> {
  busy = true;
  while (queue.length > 0) {
    // Messages that came during the last run are read first: one of them may cancel the next.
    await new Promise((resolve) => setImmediate(resolve));
    const request = queue.shift();
    if (request === undefined) break;
    const { reply, transfer } = await answer(request);
    port.postMessage(reply, transfer);
  }
  busy = false;
}

async function answer(request: (typeof queue)[number]): Promise<{ reply: Reply; transfer: ArrayBuffer[] }> {
  const { id } = request;
  try {
    const result = await perform(request);
    const transfer = Object.values(result ?? {}).map(({ data }) => data.buffer as ArrayBuffer);
    return { reply: { id, result }, transfer };
  } catch (error) {
    const { message, stack } = error as Error;
    const parts = error instanceof SkySenseError ? { ...error, cause: (error.cause as Error)?.message } : undefined;
    return { reply: { id, error: { parts, message, stack } }, transfer: [] };
  }
}

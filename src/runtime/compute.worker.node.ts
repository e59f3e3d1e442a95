import { parentPort } from "node:worker_threads";
import { bug, SkySenseError } from "../core/error.ts";
import { createNativeSession, type NativeSession } from "./ort.node.ts";
import type { Calls, Reply, Request } from "./protocol.ts";
import { openSource } from "./weights.node.ts";
import type { Weights } from "./weights.ts";

/*
 * The compute thread: ONNX Runtime blocks its thread while it computes, so all sessions live here, and their runs
 * are done one after the other.
 */

const port = parentPort!;
const sessions = new Map<number, NativeSession>();
const tables = new Map<number, Weights>();

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
    const parts = error instanceof SkySenseError ? { ...error } : undefined;
    return { reply: { id, error: { parts, message, stack } }, transfer: [] };
  }
}

async function perform({ method, args }: (typeof queue)[number]): Promise<Calls["run"]["result"] | undefined> {
  if (method === "run") return runSession(args);
  if (method === "create") await createSession(args);
  else if (method === "release") await releaseSession(args);
  else if (method === "openWeights") tables.set(args.table, openSource(args.source));
  else closeWeights(args);
}

async function createSession({ session, table, ...options }: Calls["create"]["args"]): Promise<void> {
  const weights = table === undefined ? undefined : tables.get(table);
  if (weights === undefined && table !== undefined) throw bug(`the weights ${table} are not open`);
  sessions.set(session, await createNativeSession({ ...options, weights }));
}

function runSession({ session, feeds, shapes }: Calls["run"]["args"]): Promise<Calls["run"]["result"]> {
  const native = sessions.get(session);
  if (native === undefined) throw bug(`session ${session} was run after its release`);
  return native.run(feeds, shapes);
}

async function releaseSession({ session }: Calls["release"]["args"]): Promise<void> {
  await sessions.get(session)?.release();
  sessions.delete(session);
}

function closeWeights({ table }: Calls["closeWeights"]["args"]): void {
  tables.get(table)?.close();
  tables.delete(table);
}

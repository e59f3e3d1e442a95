import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { computeThread } from "./compute-thread.node.ts";

const thread = (onMessage: string) =>
  computeThread(
    new Worker(`require("node:worker_threads").parentPort.on("message", () => { ${onMessage} })`, { eval: true }),
  );

test("computeThread: a thread that exits rejects what waits and everything after, with a remedy", async () => {
  const dying = thread("process.exit(3)");
  const calls = [dying.call("release", { session: 1 }), dying.call("release", { session: 2 })];
  for (const call of calls) {
    await expect(call).rejects.toThrow(
      "the thread that computes ended unexpectedly: exit code 3. Use a smaller batch or smaller tiles",
    );
  }
  expect(dying.alive).toBe(false);
  await expect(dying.call("release", { session: 1 })).rejects.toMatchObject({ code: "DEVICE_LOST" });
});

test("computeThread: a thread that throws tells the reason", async () => {
  const dying = thread("throw new Error('boom')");
  await expect(dying.call("release", { session: 1 })).rejects.toThrow("ended unexpectedly: boom");
});

test("computeThread: an answer that comes after the abort is dropped", async () => {
  const slow = thread("setTimeout(() => require('node:worker_threads').parentPort.postMessage({ id: 0 }), 20)");
  const abort = new AbortController();
  const call = slow.call("release", { session: 1 }, { signal: abort.signal });
  abort.abort();
  await expect(call).rejects.toMatchObject({ name: "AbortError" });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await slow.end();
});

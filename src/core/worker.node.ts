import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Start a worker thread from a module beside the caller: `startWorker(import.meta.url, "./decode.worker.node.ts")`.
 *
 * Node 20 cannot load TypeScript in a worker, so under vitest, where modules come from src/, the worker comes from
 * the build in dist/.
 */
export function startWorker(from: string, module: `./${string}.ts`, options?: WorkerOptions): Worker {
  const url = new URL(module, from).href.replace(/\.ts$/, ".js").replace("/src/", "/dist/");
  return new Worker(new URL(url), options);
}

import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Start a worker thread from a module beside the caller: `startWorker(import.meta.url, "./decode.worker.node.ts")`.
 */
export function startWorker(from: string, module: `./${string}.ts`, options?: WorkerOptions): Worker {
  // Flags of the caller are not inherited: `node --input-type=module -e …` could not start any worker.
  return new Worker(modulePath(from, module), { execArgv: [], ...options });
}

/**
 * The built file of a module beside the caller, for another thread or process to run.
 *
 * Node 20 cannot load TypeScript, so under vitest, where modules come from src/, it comes from the build in dist/.
 */
export function modulePath(from: string, module: `./${string}.ts`): string {
  const url = new URL(module, from).href;
  // The last "/src/": the repository itself may lie below a folder of that name.
  const built = from.endsWith(".ts") ? url.replace(/\/src\/(?!.*\/src\/)/, "/dist/") : url;
  return fileURLToPath(built.replace(/\.ts$/, ".js"));
}

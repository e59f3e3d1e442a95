import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { startWorker } from "../../core/worker.node.ts";

/** Real folders that GDAL sees as /input and /output; without `output`, that one is in memory. */
export interface GdalFolders {
  input?: string;
  output?: string;
}

export interface GdalRequest {
  id: number;
  command: "info" | "translate" | "warp" | "transform" | "bytes" | "close" | "layers" | "features";
  path?: string;
  options: string[];
  output?: string;
  points?: number[][];
}
export interface GdalReply {
  id: number;
  result?: unknown;
  error?: string;
}

/** What GDAL said when it failed; the caller knows which file of the user it is about. */
export class GdalError extends Error {}

/** GDAL as WebAssembly in a worker thread of its own. Paths start with /input/ or /output/. All calls reject with {@link GdalError}. */
export interface GdalSession {
  /** `gdalinfo -json`. */
  info(path: string, options?: string[]): Promise<unknown>;
  /** `gdal_translate`; `name` without ending. @returns The path of the result. */
  translate(path: string, name: string, options: string[]): Promise<string>;
  /** `gdalwarp`, as {@link translate}. */
  warp(path: string, name: string, options: string[]): Promise<string>;
  /** `gdaltransform` of [x, y] points. */
  transform(points: number[][], options: string[]): Promise<number[][]>;
  bytes(path: string): Promise<Uint8Array>;
  /** `ogrinfo -json` of a file of vectors. */
  layers(path: string): Promise<unknown>;
  /** `ogr2ogr` of a file of vectors; `name` without ending. @returns The path of the result. */
  features(path: string, name: string, options: string[]): Promise<string>;
  /** Close a source that `info`, `translate` or `warp` opened: its file may go. */
  release(path: string): Promise<void>;
  /** False after a crash of GDAL, which fails all calls from then on. */
  readonly alive: boolean;
  close(): Promise<void>;
}

/** Start GDAL: about 0.6 s and 60 MiB. Idle sessions do not keep the process alive. */
export function gdalSession(folders: GdalFolders): GdalSession {
  const worker = startWorker(import.meta.url, "./gdal.worker.node.ts", { workerData: folders });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let count = 0;
  let ended: Error | undefined;

  const settle = (): void => {
    if (waiting.size === 0) worker.unref();
  };
  worker.on("message", ({ id, result, error }: GdalReply) => {
    const caller = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) caller?.resolve(result);
    else caller?.reject(new GdalError(error.replace(/^ERROR \d+: /, "")));
    settle();
  });
  const end = (error: Error): void => {
    ended ??= error;
    for (const caller of waiting.values()) caller.reject(ended);
    waiting.clear();
  };
  worker.on("error", (error) => end(new GdalError(error.message, { cause: error })));
  worker.on("exit", () => end(new GdalError("GDAL stopped")));
  worker.unref();

  function call<T>(request: Omit<GdalRequest, "id">): Promise<T> {
    if (ended) return Promise.reject(ended);
    const id = count++;
    worker.ref();
    worker.postMessage({ ...request, id });
    return new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  return {
    info: (path, options = []) => call({ command: "info", path, options }),
    translate: (path, output, options) => call({ command: "translate", path, output, options }),
    warp: (path, output, options) => call({ command: "warp", path, output, options }),
    transform: (points, options) => call({ command: "transform", points, options }),
    bytes: (path) => call({ command: "bytes", path, options: [] }),
    layers: (path) => call({ command: "layers", path, options: [] }),
    features: (path, output, options) => call({ command: "features", path, output, options }),
    release: (path) => call({ command: "close", path, options: [] }),
    get alive() {
      return ended === undefined;
    },
    async close() {
      await worker.terminate();
    },
  };
}

/** Run GDAL for one job; an abort stops it in the middle. */
export async function withGdal<T>(
  folders: GdalFolders,
  signal: AbortSignal | undefined,
  job: (gdal: GdalSession) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const gdal = gdalSession(folders);
  const stop = (): void => void gdal.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await job(gdal);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await gdal.close();
  }
}

const idleMs = 10_000;
let shared: { gdal: GdalSession; jobs: number; timer?: NodeJS.Timeout } | undefined;

/**
 * Run a job in a GDAL that sees the folder for temporary files as /output. It is shared and kept for some seconds,
 * since a time series brings a hundred short jobs.
 */
export async function withSharedGdal<T>(job: (gdal: GdalSession) => Promise<T>): Promise<T> {
  if (!shared?.gdal.alive) shared = { gdal: gdalSession({ output: realpathSync(tmpdir()) }), jobs: 0 };
  const mine = shared;
  clearTimeout(mine.timer);
  mine.jobs++;
  try {
    return await job(mine.gdal);
  } finally {
    if (--mine.jobs === 0) {
      mine.timer = setTimeout(() => {
        if (shared === mine) shared = undefined;
        void mine.gdal.close();
      }, idleMs);
      mine.timer.unref();
    }
  }
}

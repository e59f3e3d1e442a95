import { createRequire } from "node:module";
import { dirname, relative } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { GdalFolders, GdalReply, GdalRequest } from "./gdal-session.node.ts";

/** The part of gdal3.js that is used here; its own types are not a module. */
interface Gdal {
  open(path: string, options?: string[]): Promise<{ datasets: Dataset[] }>;
  close(dataset: Dataset): Promise<void>;
  gdalinfo(dataset: Dataset, options: string[]): Promise<unknown>;
  gdal_translate(dataset: Dataset, options: string[], output: string): Promise<{ local: string }>;
  gdalwarp(dataset: Dataset, options: string[], output: string): Promise<{ local: string }>;
  gdaltransform(points: number[][], options: string[]): Promise<number[][]>;
  ogrinfo(dataset: Dataset, options: string[]): Promise<unknown>;
  ogr2ogr(dataset: Dataset, options: string[], output: string): Promise<{ local: string }>;
  getFileBytes(path: string): Promise<Uint8Array>;
}
interface Dataset {
  pointer: number;
  type: string;
}

const folders = workerData as GdalFolders;
const messages: string[] = [];
const require = createRequire(import.meta.url);

async function start(): Promise<Gdal> {
  const init = require("gdal3.js/node.js") as (config: object) => Promise<Gdal>;
  const home = dirname(require.resolve("gdal3.js/dist/package/gdal3.node.js"));
  const gdal = await init({
    path: relative(process.cwd(), home), // gdal3.js puts "./" in front
    dest: folders.output,
    logHandler: () => {},
    errorHandler: (message: string) => {
      messages.push(message);
    },
    env: {
      GDAL_CACHEMAX: "256",
      GDAL_PAM_ENABLED: folders.output === undefined ? "YES" : "NO",
      // Overviews are collected in a temporary file first; compressing it takes three times as long as the rest.
      COG_TMP_COMPRESSION: "NONE",
    },
  });
  // Opening any file of a folder, even none, mounts the folder as /input.
  if (folders.input !== undefined) await gdal.open(`${folders.input}/.none`).catch(() => {});
  return gdal;
}

const gdal = start();
const datasets = new Map<string, Dataset>();

async function dataset(path: string, type: "raster" | "vector" = "raster"): Promise<Dataset> {
  let open = datasets.get(path);
  if (open === undefined) {
    open = (await (await gdal).open(path)).datasets[0];
    if (open?.type !== type) throw new Error(`not a ${type} file that GDAL knows`);
    datasets.set(path, open);
  }
  return open;
}

async function answer({ command, path, options, output, points }: GdalRequest): Promise<unknown> {
  const api = await gdal;
  switch (command) {
    case "info":
      return api.gdalinfo(await dataset(path!), options);
    case "translate":
      return (await api.gdal_translate(await dataset(path!), options, output!)).local;
    case "warp":
      return (await api.gdalwarp(await dataset(path!), options, output!)).local;
    case "transform":
      return api.gdaltransform(points!, options);
    case "layers":
      return api.ogrinfo(await dataset(path!, "vector"), options);
    case "features":
      return (await api.ogr2ogr(await dataset(path!, "vector"), options, output!)).local;
    case "bytes":
      return api.getFileBytes(path!);
    case "close": {
      const open = datasets.get(path!);
      datasets.delete(path!);
      return open && api.close(open);
    }
  }
}

let queue = Promise.resolve();
parentPort!.on("message", (request: GdalRequest) => {
  queue = queue.then(async () => {
    messages.length = 0;
    let reply: GdalReply;
    try {
      const result = await answer(request);
      // gdal3.js itself overlooks failures with GDAL's error number 1.
      const writes = ["translate", "warp", "features"].includes(request.command);
      const failure = writes ? messages.find((message) => /^ERROR \d+: (?!PROJ:)/.test(message)) : undefined;
      reply = failure === undefined ? { id: request.id, result } : { id: request.id, error: failure };
    } catch (error) {
      const said = messages.find((message) => message.startsWith("ERROR"));
      reply = { id: request.id, error: said ?? text(error) };
    }
    parentPort!.postMessage(reply);
  });
});

function text(error: unknown): string {
  const first = Array.isArray(error) ? error[0] : error;
  return (first as Error | undefined)?.message || "GDAL does not know this file";
}

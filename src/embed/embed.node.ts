import { rm, stat } from "node:fs/promises";
import { arch, availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type { LongCall } from "../core/progress.ts";
import { decisionLine, groupDecisions } from "../imagery/scene/group-decisions.ts";
import { type OpenSceneOptions, openScene } from "../imagery/scene/open-scene.node.ts";
import type { Scene } from "../imagery/scene/scene.ts";
import type { MpiCommunicator } from "../runtime/mpi.node.ts";
import type { EmbedCommunicator } from "./blend-scene.node.ts";
import { computeFeatures, fingerprintOf } from "./compute-features.node.ts";
import { loadModel } from "./load-model.node.ts";
import { withLock } from "./lock.node.ts";
import type { SkySense } from "./model.ts";
import { commonPeriod } from "./prepare.ts";
import { sceneNeeds } from "./scene-needs.ts";
import { software } from "./software.ts";
import { tileScene } from "./tiling.ts";
import { chooseWindows, type WindowOptions } from "./windows.ts";
import type { FeatureType } from "./write-features.node.ts";
import { writeOutputs } from "./write-outputs.node.ts";

export interface EmbedOptions
  extends LongCall,
    Omit<OpenSceneOptions, "signal" | "hrPixelsPerCell" | "keepBands">,
    WindowOptions {
  /** Images of one place: any mix of sensors and dates; paths or URLs. */
  inputs: readonly string[];
  /** Folder for the outputs; made if need be. */
  out: string;
  /** A name as `loadModel` takes, a `.safetensors` file, or a model that is loaded already. Default "nano". */
  model?: string | SkySense;
  device?: "auto" | "cpu" | "webgpu" | "cuda";
  /** How `features.tif` stores numbers. Default int8, with a scale and an offset a band. */
  dataType?: FeatureType;
  /** What the report shows as the command. */
  command?: string;
  /**
   * Processes that make the same call, as `openMpi` gives it: they share the windows, and rank 0 writes what one process
   * would, bit for bit. A preset or file is then loaded with this process's share of the machine's cores.
   */
  communicator?: EmbedCommunicator & Pick<MpiCommunicator, "localSize">;
}

/** What {@link embed} wrote; on ranks other than 0 no files. */
export interface EmbedResult {
  /** Paths by name: features, embeddings, item, collection, model, preview, report. */
  files: Readonly<Record<string, string>>;
  tiles: number;
  dimensions: number;
  /** Of the feature map, in cells. */
  size: readonly [width: number, height: number];
  /** Rows of cells that an interrupted run had finished. */
  resumedRows: number;
  seconds: { reading: number; computing: number; writing: number };
  warnings: readonly string[];
  /** What was found out or assumed about the images, and how, one line for all files alike. */
  decisions: readonly string[];
}

/**
 * Embed images of one place: dense features, one vector a tile, their description, a picture and a report.
 *
 * Scenes are read, encoded and blended window by window, so they never have to fit in memory. When a run is
 * interrupted, the same call goes on where it stopped.
 *
 * One image has one embedding: alone or among others, from here or from `SkySense.encode`, up to rounding (relative
 * L2 ≤ 1e-5; int8 by half a step). How a scene is cut changes cells near the windows' ends. For `nano` with random
 * weights, against the scene in one window: HR in windows of 8, 16 (the default) and 24 cells by a relative L2 of at
 * most 0.15, 0.025 and 0.003, and every cell's features keep a cosine of at least 0.9, 0.995 and 0.9999. The Vision
 * Transformers of Sentinel images see all of a window at every cell and stretch their code of positions over it, so
 * there the size of the window matters everywhere: against one window of 128 pixels, windows of 16, 32 (the default)
 * and 64 change features by at most 0.27, 0.23 and 0.16, with cosines of at least 0.85, 0.92 and 0.97. Compare features
 * of one size.
 * Windows pass into each other without a seam: surely so with Sentinel images where they share half (`overlap`).
 *
 * @throws SkySenseError those of `openScene`, `loadModel` and `SkySense.encode`; `FOLDER_BUSY` | `DISK_FULL` | `NOT_WRITABLE`
 */
export async function embed(options: EmbedOptions): Promise<EmbedResult> {
  const {
    inputs,
    out,
    model: wanted = "nano",
    device,
    signal,
    onProgress,
    dataType = "int8",
    command = "",
    communicator,
    ...rest
  } = options;
  const { window, overlap, tile, ...sceneOptions } = rest;
  const { describe } = sceneOptions;
  const threads = Math.max(1, Math.floor(availableParallelism() / (communicator?.localSize ?? 1)));
  const model = typeof wanted === "string" ? loadModel(wanted, { threads, ...(device && { device }) }) : wanted;
  const writes = communicator === undefined || communicator.rank === 0;
  let scene: Scene | undefined;
  try {
    scene = await openScene(inputs, { ...sceneOptions, ...sceneNeeds(model.config), ...(signal && { signal }) });
    const sensors = scene.sensors.map(({ sensor }) => sensor);
    const period = commonPeriod(model.config, sensors);
    const windows = chooseWindows(scene, { window, overlap, tile, period });
    const opened = scene;
    const work = join(out, ".skysense-embed");
    const run = async (): Promise<EmbedResult> => {
      const request = {
        files: await statesOf([
          ...inputs,
          ...inputs.map(sidecarOf),
          ...(typeof describe === "string" ? [describe] : []),
        ]),
        scene: sceneOptions,
        windows,
        model: await model.weightsHash(),
        software,
      };
      const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
      const features = await computeFeatures({
        scene: opened,
        model,
        tiling: tileScene({ ...opened.grid, ...windows }),
        batch: windows.batch,
        work,
        fingerprint: fingerprintOf(request),
        communicator,
        ...abort,
      });
      const { width, height, resumedRows } = features;
      const decisions = groupDecisions(opened.decisions).map(decisionLine);
      const { reading, total } = features.seconds;
      const result = {
        files: {},
        tiles: 0,
        dimensions: features.channels,
        size: [width, height] as const,
        resumedRows,
        seconds: { reading, computing: Math.max(0, total - reading), writing: 0 },
        warnings: opened.warnings,
        decisions,
      };
      if (!writes) return result;
      const written = await writeOutputs({
        scene: opened,
        model,
        features,
        windows,
        out,
        dataType,
        command,
        device: { type: device === "cuda" || device === "webgpu" ? "gpu" : "cpu", name: cpus()[0]?.model ?? arch() },
        parameters: { ...windows, dataType, device: device ?? "auto" },
        ...abort,
      });
      await rm(work, { recursive: true, force: true });
      return { ...result, ...written };
    };
    return await (writes ? withLock(work, run) : run());
  } finally {
    await scene?.close();
    if (typeof wanted === "string") await model.release();
  }
}

/** What tells whether a file is still the same; URLs, and what is not there, are taken as they are. */
async function statesOf(paths: readonly string[]): Promise<unknown[]> {
  return Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      return found === undefined ? path : [path, found.size, found.mtimeMs];
    }),
  );
}

/** The description that may lie beside a file. */
function sidecarOf(path: string): string {
  return `${path}.skysense.json`;
}

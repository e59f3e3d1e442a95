import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import type { BlendedScene, EmbedCommunicator } from "../../embed/blend-scene.node.ts";
import { withLock } from "../../embed/lock.node.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import type { Device } from "../../runtime/session.ts";
import type { PolygonFormat } from "../maps/map-files.node.ts";
import { scoreScene } from "../maps/map-scene.node.ts";
import { stride } from "../maps/mapper.ts";
import { openToMap } from "../maps/scene-grid.node.ts";
import type { WindowOptions } from "../maps/tiling.ts";
import { type MapOutputs, writeMapOutputs } from "../maps/write-outputs.node.ts";
import { openSegmenter, readSegmenter } from "./segmenter-session.node.ts";

export interface PredictOptions extends LongCall, WindowOptions {
  /** What `finetune` wrote. */
  model: string;
  /** A path or URL. */
  image: string;
  /** Folder for the outputs. */
  out: string;
  /** What the image does not say itself. */
  scene?: OpenSceneOptions;
  /** Default "geojson". */
  polygons?: PolygonFormat;
  /** Smaller regions get no polygon. Default 9. */
  minPixels?: number;
  device?: Device | "auto";
  communicator?: (EmbedCommunicator & { localSize: number }) | undefined;
  /** What the report shows as the command. */
  command?: string;
}

/** What {@link predictSegmentation} wrote. */
export interface PredictResult extends MapOutputs {
  width: number;
  height: number;
  /** Rows of pixels that an interrupted run had finished. */
  resumedRows: number;
  seconds: { reading: number; computing: number; writing: number };
  warnings: readonly string[];
}

/**
 * Segment an image of any size: a class map with colours, its confidence, polygons, hectares of each class and a
 * report. Scores of overlapping windows are blended with weights that add up to one, so that windows leave no seams,
 * and interpolated to pixels. Memory holds one row of windows; an interrupted run goes on when it is called again.
 *
 * @returns undefined on all processes but the first
 * @throws SkySenseError those of `openScene` and `readSegmenter`; `BAD_WINDOW` | `WRONG_SENSOR` | `SEVERAL_DATES` |
 *   `FOLDER_BUSY` | `DISK_FULL` | `NOT_WRITABLE`
 */
export async function predictSegmentation(options: PredictOptions): Promise<PredictResult | undefined> {
  const { model, image, out, scene: said = {}, communicator, device, signal, onProgress } = options;
  const { polygons = "geojson", minPixels = 9, command = "" } = options;
  const threads = Math.max(1, Math.floor(availableParallelism() / (communicator?.localSize ?? 1)));
  const session = openSegmenter(readSegmenter(model), { threads, ...(device && { device }) });
  const { config } = session;
  const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const first = communicator === undefined || communicator.rank === 0;
  try {
    const opened = await openToMap([[image]], config, { ...said, ...(signal && { signal }) });
    const { scene, pixels } = opened;
    const work = join(out, ".skysense-segment");
    const run = async (): Promise<PredictResult | undefined> => {
      const { scores, masked, windows } = await scoreScene(session, opened, {
        ...{ files: [image], said, work, phase: "segment", communicator },
        ...{ window: options.window, overlap: options.overlap },
        ...abort,
      });
      if (!first) return undefined;
      const began = performance.now();
      const written = await writeMapOutputs(scores, opened, {
        ...{ task: "segmentation", config, image, model, out, work, masked, polygons, minPixels, command, windows },
        ...abort,
      });
      await rm(work, { recursive: true, force: true });
      return {
        ...written,
        ...resultOf(scores, began),
        width: pixels.width,
        height: pixels.height,
        resumedRows: Math.min(pixels.height, scores.resumedRows * stride(config)),
        warnings: scene.warnings,
      };
    };
    try {
      return await (first ? withLock(work, run) : run());
    } finally {
      await scene.close();
    }
  } finally {
    await session.release();
    session.weights.close();
  }
}

function resultOf({ seconds: { reading, total } }: BlendedScene, began: number): Pick<PredictResult, "seconds"> {
  const writing = (performance.now() - began) / 1000;
  return { seconds: { reading, computing: Math.max(0, total - reading), writing } };
}

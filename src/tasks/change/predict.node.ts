import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import type { EmbedCommunicator } from "../../embed/blend-scene.node.ts";
import { withLock } from "../../embed/lock.node.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import type { Device } from "../../runtime/session.ts";
import type { PolygonFormat } from "../maps/map-files.node.ts";
import { scoreScene } from "../maps/map-scene.node.ts";
import { stride } from "../maps/mapper.ts";
import { openToMap } from "../maps/scene-grid.node.ts";
import type { WindowOptions } from "../maps/tiling.ts";
import { openChangeDetector, readChangeDetector } from "./change-session.node.ts";
import { datesAsBands } from "./two-dates.ts";
import { type ChangeOutputs, writeChangeOutputs } from "./write-outputs.node.ts";

export interface PredictOptions extends LongCall, WindowOptions {
  /** What `finetune` wrote. */
  model: string;
  /** Paths or URLs: one file, or one for each band. */
  before: readonly string[];
  after: readonly string[];
  /** Folder for the outputs. */
  out: string;
  /** What the images do not say themselves. */
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

/** What {@link predictChange} wrote. */
export interface PredictResult extends ChangeOutputs {
  width: number;
  height: number;
  /** Rows of pixels that an interrupted run had finished. */
  resumedRows: number;
  seconds: { reading: number; computing: number; writing: number };
  warnings: readonly string[];
}

/**
 * Map what changed between two images of any size: a map with colours, the probability of change, polygons, hectares and
 * a report. Both lie on the grid of the first, or of the finer one; what one date does not show is left empty. Windows
 * are blended as in `predictSegmentation`; an interrupted run goes on when it is called again.
 *
 * @returns undefined on all processes but the first
 * @throws SkySenseError those of `openScene` (`MIXED_CRS` | `NO_OVERLAP` | `SIZE_MISMATCH` …) and `readChangeDetector`;
 *   `BAD_WINDOW` | `WRONG_SENSOR` | `SEVERAL_DATES` | `FOLDER_BUSY` | `DISK_FULL` | `NOT_WRITABLE`
 */
export async function predictChange(options: PredictOptions): Promise<PredictResult | undefined> {
  const { model, before, after, out, scene: said = {}, communicator, device, signal, onProgress } = options;
  const { polygons = "geojson", minPixels = 9, command = "" } = options;
  const threads = Math.max(1, Math.floor(availableParallelism() / (communicator?.localSize ?? 1)));
  const session = openChangeDetector(readChangeDetector(model), { threads, device });
  const { config } = session;
  const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const first = communicator === undefined || communicator.rank === 0;
  const work = join(out, ".skysense-change");
  try {
    const opened = await openToMap([before, after], config, { ...said, ...(signal && { signal }) });
    const { scene, pixels } = opened;
    const run = async (): Promise<PredictResult | undefined> => {
      const scored = await scoreScene(session, opened, {
        ...{ files: [...before, ...after], said, work, phase: "compare", communicator },
        ...{ window: options.window, overlap: options.overlap },
        picture: datesAsBands(config.sensor, scene.sensors[0]!.bands),
        ...abort,
      });
      if (!first) return undefined;
      const began = performance.now();
      const written = await writeChangeOutputs(scored, opened, {
        ...{ config, before, after, model, out, work, polygons, minPixels, command },
        ...abort,
      });
      await rm(work, { recursive: true, force: true });
      const { reading, total } = scored.scores.seconds;
      const writing = (performance.now() - began) / 1000;
      return {
        ...written,
        width: pixels.width,
        height: pixels.height,
        resumedRows: Math.min(pixels.height, scored.scores.resumedRows * stride(config)),
        seconds: { reading, computing: Math.max(0, total - reading), writing },
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

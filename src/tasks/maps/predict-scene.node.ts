import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import type { BlendOptions, EmbedCommunicator } from "../../embed/blend-scene.node.ts";
import { withLock } from "../../embed/lock.node.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import type { Scene } from "../../imagery/scene/scene.ts";
import type { Device } from "../../runtime/session.ts";
import type { MapChoices, PolygonFormat } from "./map-files.node.ts";
import { type ScoredScene, scoreScene } from "./map-scene.node.ts";
import type { MapSession } from "./map-session.node.ts";
import { type MapperConfig, stride } from "./mapper.ts";
import { type MappedScene, openToMap } from "./scene-grid.node.ts";
import type { WindowOptions } from "./tiling.ts";

/** What every call takes that maps a scene with a trained model. */
export interface PredictSceneOptions extends LongCall, WindowOptions {
  /** What `finetune` wrote. */
  model: string;
  /** Folder for the outputs. */
  out: string;
  /** What the images do not say themselves. */
  scene?: OpenSceneOptions;
  /** Default "geojson". */
  polygons?: PolygonFormat;
  /** Smaller regions get no polygon. Default 9. */
  minPixels?: number;
  device?: Device | "auto" | undefined;
  communicator?: (EmbedCommunicator & { localSize: number }) | undefined;
  /** What the report shows as the command. */
  command?: string;
}

/** What is known of a scene that was mapped. */
export interface PredictedScene {
  width: number;
  height: number;
  /** Rows of pixels that an interrupted run had finished. */
  resumedRows: number;
  seconds: { reading: number; computing: number; writing: number };
  warnings: readonly string[];
}

/** A task's part in mapping a scene. */
export interface ScenePrediction<Config extends MapperConfig, Written> {
  /** The files of each moment. */
  images: readonly (readonly string[])[];
  open: (options: { threads: number; device?: Device | "auto" | undefined }) => MapSession<Config>;
  /** What is done, for progress and for the folder of what is on its way: "segment". */
  phase: string;
  picture?: (scene: Scene) => BlendOptions<never>["picture"];
  write: (
    scored: ScoredScene,
    opened: MappedScene,
    choices: MapChoices & LongCall & { config: Config },
  ) => Promise<Written>;
}

/**
 * Map a scene of any size: scores of overlapping windows are blended with weights that add up to one, so that windows
 * leave no seams, and interpolated to pixels. Memory holds one row of windows; an interrupted run goes on when it is
 * called again.
 *
 * @returns undefined on all processes but the first
 * @throws SkySenseError `BAD_WINDOW` | `WRONG_SENSOR` | `SEVERAL_DATES` | `FOLDER_BUSY` | `DISK_FULL` | `NOT_WRITABLE`, those
 *   of `openScene`, and what the task's part throws
 */
export async function predictScene<Config extends MapperConfig, Written extends object>(
  { images, open, phase, picture, write }: ScenePrediction<Config, Written>,
  options: PredictSceneOptions,
): Promise<(Written & PredictedScene) | undefined> {
  const {
    out,
    scene: said = {},
    polygons = "geojson",
    minPixels = 9,
    communicator,
    device,
    signal,
    onProgress,
  } = options;
  const threads = Math.max(1, Math.floor(availableParallelism() / (communicator?.localSize ?? 1)));
  const session = open({ threads, device });
  const { config } = session;
  const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const first = communicator === undefined || communicator.rank === 0;
  const work = join(out, `.skysense-${phase}`);
  try {
    const opened = await openToMap(images, config, { ...said, ...(signal && { signal }) });
    const { scene, pixels } = opened;
    const run = async () => {
      const scored = await scoreScene(session, opened, {
        ...{ files: images.flat(), said, work, phase, communicator, picture: picture?.(scene) },
        ...{ window: options.window, overlap: options.overlap },
        ...abort,
      });
      if (!first) return undefined;
      const began = performance.now();
      const written = await write(scored, opened, { config, out, work, polygons, minPixels, ...abort });
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

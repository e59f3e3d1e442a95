import { stat } from "node:fs/promises";
import type { LongCall } from "../../core/progress.ts";
import {
  type BlendedScene,
  type BlendOptions,
  blendScene,
  type EmbedCommunicator,
} from "../../embed/blend-scene.node.ts";
import { fingerprintOf } from "../../embed/compute-features.node.ts";
import { software } from "../../embed/software.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import type { MapSession } from "./map-session.node.ts";
import type { MappedScene } from "./scene-grid.node.ts";
import { tileField, type WindowOptions } from "./tiling.ts";

export interface MapSceneOptions extends LongCall, WindowOptions, Pick<BlendOptions<never>, "picture"> {
  /** Paths or URLs of the scene's images. */
  files: readonly string[];
  /** What was said of them. */
  said: OpenSceneOptions;
  /** Folder for the scores on their way, and for going on after an interruption. */
  work: string;
  /** What is done, for progress: "segment". */
  phase: string;
  communicator?: EmbedCommunicator | undefined;
}

/** Blended class scores of a whole scene. */
export interface ScoredScene {
  scores: BlendedScene;
  windows: { window: number; overlap: number };
  /** False: the images are known to fill their grid. */
  masked: boolean;
}

/**
 * Class scores of a scene of any size, in overlapping windows that are blended on disk. Memory holds one row of windows;
 * an interrupted run goes on when it is called again. Only the first process has the scores.
 *
 * @throws SkySenseError `BAD_WINDOW` and those of `blendScene`
 */
export async function scoreScene(
  session: MapSession,
  { scene }: MappedScene,
  { files, said, work, phase, picture, communicator, signal, onProgress, ...windows }: MapSceneOptions,
): Promise<ScoredScene> {
  const { config } = session;
  const { tiling, window, overlap } = tileField(config, scene.grid, windows);
  let holes = false;
  const scores = await blendScene({
    scene,
    tiling,
    batch: Math.max(1, Math.floor((512 / window) ** 2)),
    channels: config.classes.length,
    phase,
    picture,
    async read(cells) {
      const place = await scene.read(cells, signal === undefined ? {} : { signal });
      holes ||= place[config.sensor]!.mask?.includes(0) ?? false;
      return place;
    },
    compute: (places) => session.scores(places, { signal }),
    work,
    fingerprint: fingerprintOf([
      await statesOf(files),
      said,
      window,
      overlap,
      await session.weights.sha256(),
      software,
    ]),
    communicator,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  // Windows that another run or process has read may have had holes.
  const masked = holes || scores.resumedRows > 0 || (communicator?.size ?? 1) > 1;
  return { scores, windows: { window, overlap }, masked };
}

/** What tells whether images are still the same; URLs are taken as they are. */
export function statesOf(files: readonly string[]): Promise<unknown[]> {
  return Promise.all(
    files.map(async (file) => {
      const found = await Promise.all(
        [file, `${file}.skysense.json`].map((path) => stat(path).catch(() => undefined)),
      );
      return [file, ...found.map((one) => one && [one.size, one.mtimeMs])];
    }),
  );
}

import type { SensorName } from "../core/place.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import type { PreparedStack } from "./prepare.ts";
import type { Sessions } from "./sessions.ts";

/** A place ready for its encoders. */
export interface PreparedPlace {
  stacks: { [sensor in SensorName]?: PreparedStack };
  grid: readonly [height: number, width: number];
  /** Region of the geo-context at each cell, −1 where the location is not known; undefined: the model has none. */
  regions: Int32Array | undefined;
  notes: readonly string[];
}

/** [dates, cells, width] a sensor. */
export type PlaceFeatures = { [sensor in SensorName]?: Float32Array };

/** What every step of encoding needs. */
export interface Engine {
  config: SkySenseConfig;
  sessions: Sessions;
  /** [regions]: how often pre-training saw each; undefined: not known, all count as seen. */
  visits?: Int32Array | undefined;
  signal?: AbortSignal | undefined;
}

/** Tokens that one run of a session may hold: enough to keep two cores busy, small enough for any machine. */
export const tokensPerRun = 32_768;

/** Call `run` with consecutive parts; while one computes, the next is being made. */
export async function inChunks<T>(
  items: readonly T[],
  size: number,
  run: (chunk: readonly T[]) => Promise<void>,
): Promise<void> {
  let previous: Promise<void> = Promise.resolve();
  for (let i = 0; i < items.length; i += size) {
    const current = run(items.slice(i, i + size));
    current.catch(() => {}); // reported by the await below
    await previous;
    previous = current;
  }
  await previous;
}

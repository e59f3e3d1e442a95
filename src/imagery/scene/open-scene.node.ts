import type { SensorName } from "../../core/place.ts";
import type { Scene } from "./scene.ts";

export interface OpenSceneOptions {
  describe?: string | object;
  sensor?: SensorName;
  hr?: object;
  s2?: object;
  s1?: object;
  hrPixelsPerCell?: number;
  reproject?: boolean;
  signal?: AbortSignal;
}

export async function openScene(_inputs: readonly string[], _options: OpenSceneOptions = {}): Promise<Scene> {
  throw new Error("internal: openScene is not here yet");
}

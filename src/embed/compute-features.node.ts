import { createHash } from "node:crypto";
import type { Window } from "../core/grid.ts";
import { locationOf } from "../imagery/scene/crs.ts";
import { regionOf } from "../model/geo-context.ts";
import { type BlendedScene, type BlendOptions, blendScene } from "./blend-scene.node.ts";
import type { LocatedPlace } from "./encode.ts";
import type { SkySense } from "./model.ts";

export interface ComputeOptions extends Omit<BlendOptions<LocatedPlace>, "channels" | "phase" | "read" | "compute"> {
  model: SkySense;
}

/** The features of a scene, encoded window by window and blended: see {@link blendScene}. */
export async function computeFeatures(options: ComputeOptions): Promise<BlendedScene> {
  const { model, signal } = options;
  return blendScene({
    ...options,
    channels: model.config.fusion.width * (model.config.geoContext === undefined ? 1 : 2),
    phase: "embed",
    read: (window) => readPlace(options, window),
    async compute(places) {
      const encoded = await model.encodeCells(places, signal === undefined ? {} : { signal });
      return encoded.map(({ fused }) => fused);
    },
  });
}

/** A window's images, and the region of each of its cells where the model knows regions. */
async function readPlace({ scene, model, signal }: ComputeOptions, window: Window): Promise<LocatedPlace> {
  const place = await scene.read(window, signal === undefined ? {} : { signal });
  const geo = model.config.geoContext;
  if (geo === undefined) return place;
  const [col, row, width, height] = window;
  const regions = Int32Array.from({ length: width * height }, (_, cell) => {
    const centre = [col + (cell % width) + 0.5, row + Math.floor(cell / width) + 0.5] as const;
    const location = locationOf(scene.grid, centre);
    return location === undefined ? -1 : regionOf(location, geo.grid);
  });
  return { ...place, regions };
}

/** A short name for everything that a result depends on. */
export function fingerprintOf(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

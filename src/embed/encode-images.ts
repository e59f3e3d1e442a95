import { sensorNames } from "../core/place.ts";
import { alike, encodeStacks, requestFor } from "./encode-stacks.ts";
import type { Engine, PlaceFeatures, PreparedPlace } from "./engine.ts";

/** Run every image of every place through its encoder. */
export async function encodeImages(places: readonly PreparedPlace[], engine: Engine): Promise<PlaceFeatures[]> {
  const { config, sessions, signal } = engine;
  const features: PlaceFeatures[] = places.map(() => ({}));
  const outputs = [{ name: "features", channels: config.fusion.inputWidth, fine: 1 }];
  for (const sensor of sensorNames) {
    // Every date of every place is one image; those of one size and set of bands share a session.
    for (const group of alike(places.map(({ stacks }) => stacks[sensor]))) {
      const session = await sessions.encoder({ sensor, ...requestFor(group[0]!.stack) });
      const stacks = group.map(({ stack }) => stack);
      const maps = await encodeStacks(sensor, stacks, { config, session, outputs, signal });
      for (const [i, { at }] of group.entries()) features[at]![sensor] = maps[i]![0]!;
    }
  }
  return features;
}

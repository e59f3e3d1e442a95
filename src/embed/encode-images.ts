import { type SensorName, sensorNames } from "../core/place.ts";
import { type Engine, inChunks, type PlaceFeatures, type PreparedPlace, tokensPerRun } from "./engine.ts";
import type { PreparedStack } from "./prepare.ts";

/** Run every image of every place through its encoder. */
export async function encodeImages(places: readonly PreparedPlace[], engine: Engine): Promise<PlaceFeatures[]> {
  const features: PlaceFeatures[] = places.map(() => ({}));
  for (const sensor of sensorNames) {
    // Every date of every place is one image; those of one size and set of bands share a session.
    const groups = new Map<string, { place: number; stack: PreparedStack }[]>();
    for (const [place, { stacks }] of places.entries()) {
      const stack = stacks[sensor];
      if (stack === undefined) continue;
      const key = [stack.bandPositions, ...stack.shape.slice(2)].join();
      groups.set(key, [...(groups.get(key) ?? []), { place, stack }]);
    }
    for (const group of groups.values()) {
      for (const { place, output } of await encodeGroup(sensor, group, engine)) features[place]![sensor] = output;
    }
  }
  return features;
}

async function encodeGroup(
  sensor: SensorName,
  group: readonly { place: number; stack: PreparedStack }[],
  { config, sessions, signal }: Engine,
) {
  const [, bands, height, width] = group[0]!.stack.shape;
  const session = await sessions.encoder({ sensor, bands: group[0]!.stack.bandPositions, height, width });
  const patch = sensor === "hr" ? config.hr!.patch : config[sensor]!.encoder.patch;
  const perRun = Math.max(1, Math.floor(tokensPerRun / Math.ceil((height * width) / patch ** 2)));
  const size = bands * height * width;
  const images = group.flatMap(({ stack }, owner) =>
    Array.from({ length: stack.shape[0] }, (_, t) => ({
      owner,
      t,
      data: stack.data.subarray(t * size, (t + 1) * size),
    })),
  );
  const channels = config.fusion.inputWidth;
  const outputs = group.map(
    ({ stack }) => new Float32Array(stack.shape[0] * stack.grid[0] * stack.grid[1] * channels),
  );
  await inChunks(images, perRun, async (chunk) => {
    const data = new Float32Array(chunk.length * size);
    for (const [i, image] of chunk.entries()) data.set(image.data, i * size);
    const { features } = await session.run(
      { image: { data, shape: [chunk.length, bands, height, width] } },
      { signal },
    );
    const maps = features!.data as Float32Array;
    const length = maps.length / chunk.length;
    for (const [i, { owner, t }] of chunk.entries()) {
      const { grid, encoded } = group[owner]!.stack;
      const map = maps.subarray(i * length, (i + 1) * length);
      cropCells(map, encoded, grid, channels, outputs[owner]!.subarray(t * grid[0] * grid[1] * channels));
    }
  });
  return group.map(({ place }, owner) => ({ place, output: outputs[owner]! }));
}

/** The upper left [h, w] cells of a map of [H, W] cells. */
function cropCells(
  map: Float32Array,
  [, wide]: readonly [number, number],
  [h, w]: readonly [number, number],
  channels: number,
  out: Float32Array,
): void {
  for (let row = 0; row < h; row++) {
    out.set(map.subarray(row * wide * channels, (row * wide + w) * channels), row * w * channels);
  }
}

import type { SensorName } from "../core/place.ts";
import type { Session } from "../runtime/session.ts";
import { type Engine, inChunks, tokensPerRun } from "./engine.ts";
import type { PreparedStack } from "./prepare.ts";

/** A map that a session gives: `fine`² tokens for each cell of the fusion. */
export interface MapOutput {
  name: string;
  channels: number;
  fine: number;
}

/**
 * Run images of one sensor, size and set of bands through a session with the input "image".
 *
 * @returns for each stack one map a wanted output, [dates, h·fine, w·fine, channels]: that of its own cells, without
 *   those it was padded with
 */
export async function encodeStacks(
  sensor: SensorName,
  stacks: readonly PreparedStack[],
  {
    config,
    session,
    outputs,
    signal,
  }: Pick<Engine, "config" | "signal"> & { session: Session; outputs: MapOutput[] },
): Promise<Float32Array[][]> {
  const [, bands, height, width] = stacks[0]!.shape;
  const patch = sensor === "hr" ? config.hr!.patch : config[sensor]!.encoder.patch;
  const perRun = Math.max(1, Math.floor(tokensPerRun / Math.ceil((height * width) / patch ** 2)));
  const size = bands * height * width;
  const images = stacks.flatMap((stack, owner) =>
    Array.from({ length: stack.shape[0] }, (_, t) => ({
      owner,
      t,
      data: stack.data.subarray(t * size, (t + 1) * size),
    })),
  );
  const maps = stacks.map(({ shape: [dates], grid: [h, w] }) =>
    outputs.map(({ channels, fine }) => new Float32Array(dates * h * w * fine ** 2 * channels)),
  );
  await inChunks(images, perRun, async (chunk) => {
    const data = new Float32Array(chunk.length * size);
    for (const [i, image] of chunk.entries()) data.set(image.data, i * size);
    const results = await session.run({ image: { data, shape: [chunk.length, bands, height, width] } }, { signal });
    for (const [k, { name, channels, fine }] of outputs.entries()) {
      const all = results[name]!.data as Float32Array;
      const length = all.length / chunk.length;
      for (const [i, { owner, t }] of chunk.entries()) {
        const { grid, encoded } = stacks[owner]!;
        const [h, w] = [grid[0] * fine, grid[1] * fine];
        const to = maps[owner]![k]!.subarray(t * h * w * channels);
        cropCells(all.subarray(i * length, (i + 1) * length), encoded[1] * fine, [h, w], channels, to);
      }
    }
  });
  return maps;
}

/** The upper left [h, w] cells of a map that is `wide` cells wide. */
function cropCells(
  map: Float32Array,
  wide: number,
  [h, w]: readonly [number, number],
  channels: number,
  out: Float32Array,
): void {
  for (let row = 0; row < h; row++) {
    out.set(map.subarray(row * wide * channels, (row * wide + w) * channels), row * w * channels);
  }
}

/** Stacks that can go through one session, with their positions: of one size and set of bands. */
export function alike(stacks: readonly (PreparedStack | undefined)[]): { at: number; stack: PreparedStack }[][] {
  const groups = new Map<string, { at: number; stack: PreparedStack }[]>();
  for (const [at, stack] of stacks.entries()) {
    if (stack === undefined) continue;
    const key = [stack.bandPositions, ...stack.shape.slice(2)].join();
    groups.set(key, [...(groups.get(key) ?? []), { at, stack }]);
  }
  return [...groups.values()];
}

/** What a session for these stacks is asked for. */
export function requestFor({ bandPositions, shape: [, , height, width] }: PreparedStack) {
  return { bands: bandPositions, height, width };
}

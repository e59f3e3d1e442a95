import { SkySenseError } from "../core/error.ts";
import type { ImageStack } from "../core/place.ts";
import { alike, encodeStacks, type MapOutput, requestFor } from "./encode-stacks.ts";
import type { Engine } from "./engine.ts";
import { prepareStack } from "./prepare.ts";

export interface StageMap {
  /** "stage1" and so on; a model may give some alone. */
  name: string;
  data: Float32Array;
  shape: readonly [dates: number, height: number, width: number, channels: number];
}

/** Maps of all stages of the HR encoder over one place. */
export interface EncodedStages {
  /** The finest first: 4, 8, 16 and 32 pixels a token where the patch has 4. */
  stages: StageMap[];
  /** [dates, cells of the last stage]: 1 where half of the pixels are valid; undefined: all are. */
  valid: Uint8Array | undefined;
}

/**
 * @param images  HR, one stack a place, of any sizes
 * @throws SkySenseError `SENSOR_UNKNOWN` and those of {@link prepareStack}
 */
export async function encodeStages(images: readonly ImageStack[], engine: Engine): Promise<EncodedStages[]> {
  const { config, sessions, signal } = engine;
  const { hr } = config;
  if (hr === undefined) {
    throw new SkySenseError({
      code: "SENSOR_UNKNOWN",
      what: "this model has no encoder for hr, whose stages are asked for",
      remedy: "Choose another model, or other features.",
    });
  }
  const last = Math.max(...hr.outputs);
  const outputs = hr.outputs.map(
    (stage): MapOutput => ({
      name: `stage${stage + 1}`,
      channels: hr.width * 2 ** stage,
      fine: 2 ** (last - stage),
    }),
  );
  const prepared = images.map((stack) => prepareStack("hr", stack, config));
  const encoded: EncodedStages[] = [];
  for (const group of alike(prepared)) {
    const session = await sessions.stages(requestFor(group[0]!.stack));
    const stacks = group.map(({ stack }) => stack);
    const maps = await encodeStacks("hr", stacks, { config, session, outputs, signal });
    for (const [i, { at, stack }] of group.entries()) {
      const [dates, [h, w]] = [stack.shape[0], stack.grid];
      encoded[at] = {
        stages: outputs.map(({ name, fine, channels }, k) => ({
          name,
          data: maps[i]![k]!,
          shape: [dates, h * fine, w * fine, channels],
        })),
        valid: stack.cellMask,
      };
    }
  }
  return encoded;
}

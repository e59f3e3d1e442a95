import { type ModelFileInfo, writeConfig } from "../checkpoint/model-file.ts";
import { bankTensors } from "../checkpoint/prototype-bank.ts";
import { float32ToFloat16 } from "../core/float16.ts";
import { type StoredTensor, safetensorsParts } from "../core/safetensors.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import { listParameters, type ParameterTree } from "../model/parameters.ts";
import { initSkySense } from "../model/skysense.ts";
import type { Weights } from "../runtime/weights.ts";

/**
 * Write the model of a pre-training run as a file that `loadModel` reads: its own parameters in float16, without
 * projection heads, and how often each region of the geo-context was seen.
 *
 * @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE`
 */
export async function exportModel(
  weights: Weights,
  path: string,
  { config, ...info }: Omit<ModelFileInfo, "trained">,
): Promise<void> {
  const tensors = new Map<string, StoredTensor>();
  for (const [key, { shape }] of listParameters(initSkySense(config) as ParameterTree)) {
    tensors.set(key, { dtype: "F16", shape, data: float32ToFloat16(weights.float32(key)) });
  }
  if (config.geoContext !== undefined) {
    const { grid, prototypes, width } = config.geoContext;
    const shape = [grid * grid, prototypes, width] as const;
    const visits = Int32Array.from(weights.float32("pretrain.visits"), Math.round);
    const bank = { grid, prototypes: weights.float32("geo_context.prototypes"), shape, visits };
    for (const [key, tensor] of bankTensors(bank)) tensors.set(key, tensor);
  }
  await writeAtomic(path, safetensorsParts(tensors, writeConfig({ ...info, config, trained: true })));
}

import type { LongCall } from "../../core/progress.ts";
import { toOnnx } from "../../graph/onnx.ts";
import { createRuntime } from "../../runtime/runtime.node.ts";
import type { Weights } from "../../runtime/weights.ts";
import type { Loader } from "../../train/data/loader.node.ts";
import { withoutAdapters } from "../../train/tuning.ts";
import { probabilitiesOf } from "../names/probabilities.ts";
import type { Prediction } from "../names/scores.ts";
import { type ClassifierConfig, classifier } from "./head.ts";

/** Classify all images of a loader, in its order; images that could not be read are left out. */
export async function predictAll(
  config: ClassifierConfig,
  weights: Weights,
  { loader, signal, onProgress }: { [K in keyof LongCall]: LongCall[K] | undefined } & { loader: Loader },
): Promise<Prediction[]> {
  const runtime = createRuntime();
  const abort = signal === undefined ? {} : { signal };
  try {
    const ready = withoutAdapters({ config, weights });
    const graph = toOnnx({ logits: classifier(ready.config) });
    const session = await runtime.compile(graph, { device: "cpu", weights: ready.weights });
    const predictions: Prediction[] = [];
    for (let index = 0; index < loader.batchesPerEpoch; index++) {
      const { stacks, ids, samples } = await loader.batch(index, abort);
      onProgress?.({ phase: "classify", done: index + 1, total: loader.batchesPerEpoch, unit: "batches" });
      if (samples === 0) continue;
      const stack = stacks[config.sensor]!;
      const [count, , bands, height, width] = stack.shape;
      const images = { data: stack.data, shape: [count, bands, height, width] };
      const { logits } = await session.run({ images }, abort);
      const values = logits!.data as Float32Array;
      for (const [i, id] of ids.entries()) {
        const row = values.subarray(i * config.classes.length, (i + 1) * config.classes.length);
        predictions.push({ id, probabilities: probabilitiesOf(row, config) });
      }
    }
    return predictions;
  } finally {
    await runtime.release();
  }
}

import { createModel } from "../embed/model.ts";
import { divide, keptInMemory, type LabelledSet, type Sample } from "../evaluate/labelled-set.ts";
import { type FeatureName, modelFeatures } from "../evaluate/model-features.ts";
import { predict } from "../evaluate/protocols.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import { createRuntime } from "../runtime/runtime.node.ts";
import type { Weights } from "../runtime/weights.ts";

const kept = 2 ** 29;
const perBatch = 32;

/**
 * Accuracy of k-NN on a small labelled set during a run: the loss says little about progress. A seeded fifth of the
 * set's training part is judged by the rest; its held-out part is never looked at.
 *
 * @returns a function for the trainer's `evaluate`: `knn.<feature>` from 0 to 1
 */
export function knnMonitor(
  whole: LabelledSet,
  config: SkySenseConfig,
  { seed, features }: { seed: number; features: readonly FeatureName[] },
): (weights: Weights, options?: { signal?: AbortSignal }) => Promise<Record<string, number>> {
  const learnt = whole.samples.some(({ split }) => split === "train")
    ? whole.samples.filter(({ split }) => split === "train")
    : whole.samples;
  const set = keptInMemory({ ...whole, samples: learnt.map((sample) => ({ ...sample, split: undefined })) }, kept);
  const { train, test } = divide(set, { trainRatio: 0.8, seed });
  return async (weights, { signal } = {}) => {
    const runtime = createRuntime({ maxSessions: 4 });
    const model = createModel({ name: "in training", config, trained: true, weights }, { runtime, device: "cpu" });
    try {
      const scores: Record<string, number> = {};
      for (const feature of features) {
        const { extract } = await modelFeatures(model, feature);
        const part = async (samples: readonly Sample[]) => {
          const rows: Float32Array[] = [];
          for (let i = 0; i < samples.length; i += perBatch) {
            const places = await Promise.all(samples.slice(i, i + perBatch).map((sample) => sample.read()));
            rows.push(...(await extract(places, { signal })));
          }
          const dimensions = rows[0]!.length;
          const data = new Float32Array(rows.length * dimensions);
          for (const [i, row] of rows.entries()) data.set(row, i * dimensions);
          return { vectors: { data, dimensions }, labels: samples.map(({ labels }) => labels) };
        };
        const [bank, asked] = [await part(train), await part(test)];
        const { classes } = predict("knn", bank, asked, { classes: set.classes.length, multiLabel: false, seed });
        const right = asked.labels.filter(([label], i) => classes[i] === label).length;
        scores[`knn.${feature}`] = right / asked.labels.length;
      }
      return scores;
    } finally {
      await model.release();
      await runtime.release();
    }
  };
}

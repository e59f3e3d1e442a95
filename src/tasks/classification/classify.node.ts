import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import { openWeights } from "../../runtime/weights.node.ts";
import { createLoader } from "../../train/data/loader.node.ts";
import { readClassifierConfig } from "./model-file.ts";
import { predictAll } from "./predict.node.ts";

/** The likeliest classes of one image. */
export interface Classified {
  image: string;
  classes: { name: string; probability: number }[];
}

/**
 * Name the scenes of images with a classifier that `finetune` wrote; each image is brought to its size.
 * @throws SkySenseError `NO_CONFIG` | `TOO_MANY_UNREADABLE` and those of reading files
 */
export async function classify(options: {
  model: string;
  images: readonly string[];
  scene?: OpenSceneOptions;
  /** How many classes an image. Default 3. */
  top?: number;
  signal?: AbortSignal | undefined;
}): Promise<Classified[]> {
  const { model, images, scene = {}, top = 3, signal } = options;
  const weights = openWeights(model);
  const config = readClassifierConfig(weights.metadata, { file: model });
  const bands = config.bands.map((k) => modelBands(config.sensor)[k]!);
  const { signal: _, ...sceneOptions } = scene;
  const loader = createLoader({
    samples: images.map((file) => ({
      id: file,
      labels: [],
      source: { files: [file], options: { ...sceneOptions, hrPixelsPerCell: 1 } },
    })),
    classes: config.classes.length,
    batchSize: Math.min(32, images.length),
    seed: 0,
    shuffle: false,
    recipe: { sensors: { [config.sensor]: { size: config.size, bands, dates: 1 } } },
  });
  try {
    const predictions = await predictAll(config, weights, { loader, signal });
    return predictions.map(({ id, probabilities }) => ({
      image: id,
      classes: Array.from(probabilities, (probability, k) => ({ name: config.classes[k]!, probability }))
        .sort((a, b) => b.probability - a.probability)
        .slice(0, top),
    }));
  } finally {
    await loader.close();
    weights.close();
  }
}

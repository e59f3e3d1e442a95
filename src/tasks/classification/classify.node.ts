import { open } from "node:fs/promises";
import { unreadable } from "../../core/read-file.node.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import { createLoader } from "../../train/data/loader.node.ts";
import { readModel } from "../read-model.node.ts";
import { classifierFile } from "./model-file.ts";
import { predictAll } from "./predict.node.ts";

/** The likeliest classes of one image. */
export interface Classified {
  image: string;
  classes: { name: string; probability: number }[];
}

/** What {@link classify} says, and which images it could not use. */
export interface Classification {
  images: Classified[];
  failures: readonly { id: string; reason: string }[];
}

/**
 * Name the scenes of images with a classifier that `finetune` wrote; each image is brought to its size.
 * @throws SkySenseError `NO_CONFIG` | `FILE_UNREADABLE` | `TOO_MANY_UNREADABLE`: more than 5 % are no images
 */
export async function classify(options: {
  model: string;
  images: readonly string[];
  scene?: OpenSceneOptions;
  /** How many classes an image. Default 3. */
  top?: number;
  signal?: AbortSignal | undefined;
}): Promise<Classification> {
  const { model, images, scene = {}, top = 3, signal } = options;
  for (const image of images) await requireFile(image);
  const { config, weights } = readModel(model, classifierFile);
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
    const classified = predictions.map(({ id, probabilities }) => ({
      image: id,
      classes: Array.from(probabilities, (probability, k) => ({ name: config.classes[k]!, probability }))
        .sort((a, b) => b.probability - a.probability)
        .slice(0, top),
    }));
    return { images: classified, failures: loader.failures };
  } finally {
    await loader.close();
    weights.close();
  }
}

/** A wrong path is an error of the command, not one of many images that may be damaged. */
async function requireFile(path: string): Promise<void> {
  try {
    const file = await open(path);
    const isFolder = (await file.stat()).isDirectory();
    await file.close();
    if (isFolder) throw Object.assign(new Error(), { code: "EISDIR" });
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

import type { MapClass } from "../maps/classes.ts";
import { type PredictedScene, type PredictSceneOptions, predictScene } from "../maps/predict-scene.node.ts";
import { type MapOutputs, writeMapOutputs } from "../maps/write-outputs.node.ts";
import { openSegmenter, readSegmenter } from "./segmenter-session.node.ts";

export interface PredictOptions extends PredictSceneOptions {
  /** A path or URL. */
  image: string;
}

/** What {@link predictSegmentation} wrote. */
export interface PredictResult extends MapOutputs, PredictedScene {
  classes: readonly MapClass[];
}

/**
 * Segment an image of any size: a class map with colours, its confidence, polygons, hectares of each class and a report.
 *
 * @returns undefined on all processes but the first
 * @throws SkySenseError those of `predictScene` and `readSegmenter`
 */
export function predictSegmentation(options: PredictOptions): Promise<PredictResult | undefined> {
  const { model, image, command = "" } = options;
  return predictScene(
    {
      images: [[image]],
      phase: "segment",
      open: (runtime) => openSegmenter(readSegmenter(model), runtime),
      write: async ({ scores, ...scored }, opened, choices) => ({
        ...(await writeMapOutputs(scores, opened, {
          ...{ ...choices, ...scored, task: "segmentation", image, model, command },
        })),
        classes: choices.config.classes,
      }),
    },
    options,
  );
}

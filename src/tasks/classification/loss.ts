import { SkySenseError } from "../../core/error.ts";
import { batchDim } from "../../graph/shape.ts";
import { input } from "../../graph/tensor.ts";
import { type DropMask, dropInputs } from "../../model/training.ts";
import { binaryCrossEntropy } from "../../train/losses/binary-cross-entropy.ts";
import { crossEntropy } from "../../train/losses/cross-entropy.ts";
import type { SeparateGraph } from "../../train/train-graph.ts";
import { type ClassifierConfig, classifier } from "./head.ts";

/**
 * The loss of images "images" with "labels" [batch, classes]: cross-entropy with smoothed labels, or binary
 * cross-entropy of every class where an image may be in several.
 *
 * @returns the graph, and the masks that are to be drawn for every step.
 * @throws SkySenseError `BAD_SIZE`: the images are too small for the encoder
 */
export function lossGraph(
  config: ClassifierConfig,
  { smoothing, dropPath }: { smoothing: number; dropPath: number },
): { graph: SeparateGraph; masks: readonly DropMask[] } {
  const { drop, masks } = dropInputs(`backbone_${config.sensor}.`);
  const logits = ofSize(config, () => classifier(config, { dropPath: { rate: dropPath, drop } }));
  const labels = input("labels", [batchDim(), config.classes.length]);
  const loss = config.multiLabel ? binaryCrossEntropy(logits, labels) : crossEntropy(logits, labels, { smoothing });
  return { graph: { loss }, masks };
}

/** Whoever calls knows the size of the images, and not the map inside the encoder that became too small. */
function ofSize<T>({ size }: ClassifierConfig, build: () => T): T {
  try {
    return build();
  } catch (cause) {
    if (!(cause instanceof SkySenseError) || cause.code !== "MAP_TOO_SMALL") throw cause;
    throw new SkySenseError({
      code: "BAD_SIZE",
      what: `images of ${size} × ${size} pixels are too small for this model`,
      remedy: "Choose a larger --size.",
      cause,
    });
  }
}

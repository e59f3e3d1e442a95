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
 */
export function lossGraph(
  config: ClassifierConfig,
  { smoothing, dropPath }: { smoothing: number; dropPath: number },
): { graph: SeparateGraph; masks: readonly DropMask[] } {
  const { drop, masks } = dropInputs(`backbone_${config.sensor}.`);
  const logits = classifier(config, { dropPath: { rate: dropPath, drop } });
  const labels = input("labels", [batchDim(), config.classes.length]);
  const loss = config.multiLabel ? binaryCrossEntropy(logits, labels) : crossEntropy(logits, labels, { smoothing });
  return { graph: { loss }, masks };
}

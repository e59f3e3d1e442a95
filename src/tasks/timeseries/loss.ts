import { batchDim } from "../../graph/shape.ts";
import { input } from "../../graph/tensor.ts";
import type { BufferUpdates } from "../../model/conv-norm.ts";
import { type DropMask, dropInputs } from "../../model/training.ts";
import type { FeedShapes } from "../../train/compiled-graphs.node.ts";
import { binaryCrossEntropy } from "../../train/losses/binary-cross-entropy.ts";
import { crossEntropy } from "../../train/losses/cross-entropy.ts";
import { segmentationLoss } from "../../train/losses/segmentation.ts";
import type { SeparateGraph } from "../../train/train-graph.ts";
import { type SeriesConfig, seriesScores } from "./head.ts";

/**
 * The loss of feeds of these shapes. Maps: cross-entropy of the cells with "labels" int64 [batch, height, width], as
 * mmseg counts it. Else "labels" [batch, classes]: cross-entropy, or binary cross-entropy of every class.
 *
 * @returns the graph, with new running statistics; and the masks that are to be drawn for every step.
 */
export function lossGraph(
  c: SeriesConfig,
  shapes: FeedShapes,
  { dropPath }: { dropPath: number },
): { graph: SeparateGraph; masks: readonly DropMask[] } {
  const updates: BufferUpdates = new Map();
  const fusion = dropInputs("fusion.");
  const head = dropInputs();
  const logits = seriesScores(c, shapes, {
    fusion: { dropPath: { rate: dropPath, drop: fusion.drop } },
    head: { updates, drop: head.drop },
  });
  const masks = [...fusion.masks, ...head.masks];
  if (c.answer === "map") {
    const [, height, width] = shapes.labels as [number, number, number];
    const labels = input("labels", [batchDim(), height, width], "int64");
    return { graph: { loss: segmentationLoss(logits, labels), buffers: Object.fromEntries(updates) }, masks };
  }
  const labels = input("labels", [batchDim(), c.classes.length]);
  return {
    graph: { loss: c.answer === "classes" ? binaryCrossEntropy(logits, labels) : crossEntropy(logits, labels) },
    masks,
  };
}

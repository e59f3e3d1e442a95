import { batchDim } from "../../graph/shape.ts";
import { input } from "../../graph/tensor.ts";
import type { BufferUpdates } from "../../model/conv-norm.ts";
import { type DropMask, dropInputs } from "../../model/training.ts";
import { segmentationLoss } from "../../train/losses/segmentation.ts";
import type { SeparateGraph } from "../../train/train-graph.ts";
import { type ChangeConfig, changeDetector, dates } from "./head.ts";

/**
 * The loss of pairs "images" [batch, 2, bands, size, size] with "labels" int64 [batch, size, size]: cross-entropy. With
 * two classes it is the binary cross-entropy of the difference of their scores, as OSCD's protocol has it.
 *
 * @returns the graph, with new running statistics; and the masks that are to be drawn for every step.
 */
export function lossGraph(
  c: ChangeConfig,
  { dropPath }: { dropPath: number },
): { graph: SeparateGraph; masks: readonly DropMask[] } {
  const images = input("images", [batchDim(), dates, c.bands.length, c.size, c.size]);
  const labels = input("labels", [batchDim(), c.size, c.size], "int64");
  const updates: BufferUpdates = new Map();
  const { drop, masks } = dropInputs(`backbone_${c.sensor}.`);
  const logits = changeDetector(c, images, { encoder: { dropPath: { rate: dropPath, drop } }, updates });
  const loss = segmentationLoss(logits, labels);
  return { graph: { loss, metrics: {}, buffers: Object.fromEntries(updates) }, masks };
}

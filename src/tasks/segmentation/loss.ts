import { add } from "../../graph/ops/add.ts";
import { mul } from "../../graph/ops/mul.ts";
import { batchDim } from "../../graph/shape.ts";
import { input, scalar } from "../../graph/tensor.ts";
import type { BufferUpdates } from "../../model/conv-norm.ts";
import { type DropMask, dropInputs } from "../../model/training.ts";
import { segmentationLoss } from "../../train/losses/segmentation.ts";
import type { SeparateGraph } from "../../train/train-graph.ts";
import { type SegmenterConfig, segmenter } from "./head.ts";

/** Of the auxiliary head in the loss (specification §5.2). */
const auxiliaryWeight = 0.4;

/**
 * The loss of images "images" with "labels" int64 [batch, size, size]: cross-entropy of the decode head, plus 0.4 times
 * that of the auxiliary head.
 *
 * @returns the graph, with new running statistics; and the masks that are to be drawn for every step.
 */
export function lossGraph(
  c: SegmenterConfig,
  { dropPath }: { dropPath: number },
): { graph: SeparateGraph; masks: readonly DropMask[] } {
  const images = input("images", [batchDim(), c.bands.length, c.size, c.size]);
  const labels = input("labels", [batchDim(), c.size, c.size], "int64");
  const updates: BufferUpdates = new Map();
  const encoder = dropInputs(`backbone_${c.sensor}.`);
  const decode = dropInputs();
  const { logits, auxiliary } = segmenter(c, images, {
    encoder: { dropPath: { rate: dropPath, drop: encoder.drop } },
    // Both heads ask for a mask of one name: the channels of each are its own.
    head: {
      updates,
      drop: (x, options) => decode.drop(x, { ...options, path: `${options.path}.${decode.masks.length}` }),
    },
  });
  const [main, second] = [segmentationLoss(logits, labels), segmentationLoss(auxiliary, labels)];
  return {
    graph: {
      loss: add(main, mul(second, scalar(auxiliaryWeight))),
      metrics: { decodeLoss: main, auxiliaryLoss: second },
      buffers: Object.fromEntries(updates),
    },
    masks: [...encoder.masks, ...decode.masks],
  };
}

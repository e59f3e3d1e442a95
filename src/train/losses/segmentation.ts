import { resizeImage } from "../../graph/ops/resize.ts";
import { transpose } from "../../graph/ops/transpose.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.ts";

/**
 * Cross-entropy of class maps as mmseg computes it: logits [batch, classes, h, w] are brought to the size of the labels
 * int64 [batch, H, W] (bilinear, corners not aligned), and the sum is divided by the number of all pixels, ignored ones
 * included.
 */
export function segmentationLoss(
  logits: Tensor,
  labels: Tensor,
  { ignore = 255, ...options }: CrossEntropyOptions = {},
): Tensor {
  const [height, width] = labels.shape.slice(1) as [number, number];
  const resized = resizeImage(logits, [height, width], { mode: "bilinear" });
  return crossEntropy(transpose(resized, [0, 2, 3, 1]), labels, { over: "all", ignore, ...options });
}

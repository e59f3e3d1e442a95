import { add } from "../../graph/ops/add.ts";
import { div } from "../../graph/ops/div.ts";
import { equal, oneHot } from "../../graph/ops/equal.ts";
import { mul } from "../../graph/ops/mul.ts";
import { mean, sum } from "../../graph/ops/reduce.ts";
import { reshape } from "../../graph/ops/reshape.ts";
import { softmax } from "../../graph/ops/softmax.ts";
import { sub } from "../../graph/ops/sub.ts";
import { indices, scalar, type Tensor } from "../../graph/tensor.ts";

/**
 * Soft Dice loss of logits [batch, ..., classes] with labels int64 [batch, ...]: 1 − (2 Σ p·t + s) / (Σ p² + Σ t² + s)
 * over the elements of each sample, then the mean over samples and classes (Milletari et al. 2016, arXiv:1606.04797,
 * eq. 4), p = softmax.
 *
 * @param options.ignore  Label whose elements take part in no sum.
 * @param options.smooth  s: keeps classes that are neither there nor predicted at a loss of 0.
 * @returns One number, shape [].
 */
export function diceLoss(
  logits: Tensor,
  labels: Tensor,
  { ignore, smooth = 1 }: { ignore?: number; smooth?: number } = {},
): Tensor {
  const classes = logits.shape.at(-1) as number;
  const probability = softmax(logits);
  const truth = oneHot(labels, classes);
  const other =
    ignore === undefined
      ? undefined
      : sub(scalar(1), equal(reshape(labels, [...labels.shape, 1]), indices([ignore])));
  const kept = (t: Tensor) => (other === undefined ? t : mul(t, other));
  const inside = labels.shape.map((_, axis) => axis).slice(1);
  const p = kept(probability);
  const t = kept(truth);
  const total = (x: Tensor) => sum(x, { axes: inside });
  const overlap = add(mul(total(mul(p, t)), scalar(2)), scalar(smooth));
  const size = add(add(total(mul(p, p)), total(t)), scalar(smooth));
  return mean(sub(scalar(1), div(overlap, size)), { axes: [0, 1] });
}

import { mul } from "../../graph/ops/mul.ts";
import { softplus } from "../../graph/ops/softplus.ts";
import { sub } from "../../graph/ops/sub.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Reduction, reduceLoss } from "./reduce.ts";

/**
 * Binary cross-entropy of logits x with targets t in [0, 1] of the same shape: ln(1 + eˣ) − x·t, which is
 * −t ln σ(x) − (1 − t) ln(1 − σ(x)).
 *
 * @returns One number, shape [].
 */
export function binaryCrossEntropy(logits: Tensor, target: Tensor, reduction: Reduction = {}): Tensor {
  return reduceLoss(sub(softplus(logits), mul(logits, target)), reduction);
}

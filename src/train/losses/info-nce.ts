import { add } from "../../graph/ops/add.ts";
import { div } from "../../graph/ops/div.ts";
import { logSumExp } from "../../graph/ops/log-sum-exp.ts";
import { matMul } from "../../graph/ops/mat-mul.ts";
import { mul } from "../../graph/ops/mul.ts";
import { sum } from "../../graph/ops/reduce.ts";
import { reshape } from "../../graph/ops/reshape.ts";
import { sub } from "../../graph/ops/sub.ts";
import { transpose } from "../../graph/ops/transpose.ts";
import { scalar, type Tensor } from "../../graph/tensor.ts";
import { unit } from "./cosine.ts";
import { reduceLoss } from "./reduce.ts";

/**
 * InfoNCE (van den Oord et al. 2018, arXiv:1807.03748, eq. 4), in both directions as CLIP does (Radford et al. 2021,
 * arXiv:2103.00020, fig. 3): row i of `a` belongs to row i of `b`, all other rows are negatives.
 *
 * @param a  [N, C], of any length; N may be symbolic.
 * @param b  [N, C].
 * @param options.temperature  A number, or a scalar of the graph that is learned.
 * @param options.weight  [N]: 1, or 0 for rows that are neither pairs nor negatives. Default: all count.
 * @returns One number, shape [].
 */
export function infoNce(
  a: Tensor,
  b: Tensor,
  { temperature, weight }: { temperature: number | Tensor; weight?: Tensor },
): Tensor {
  const scale = typeof temperature === "number" ? scalar(temperature) : temperature;
  const [left, right] = [div(unit(a), scale), unit(b)];
  const logits = matMul(left, transpose(right, [1, 0]));
  const pairs = sum(mul(left, right), { axes: [-1], keepDims: true });
  // Rows without weight are too far away to be anyone's negative.
  const away = weight && mul(sub(weight, scalar(1)), scalar(1e4));
  const seen = (scores: Tensor) => (away === undefined ? scores : add(scores, reshape(away, [1, away.shape[0]!])));
  // Cross-entropy of each row and each column: ln Σⱼ exp(logit) − the pair's logit.
  const both = add(logSumExp(seen(logits)), logSumExp(seen(transpose(logits, [1, 0]))));
  const losses = sub(mul(both, scalar(0.5)), pairs);
  return reduceLoss(losses, weight === undefined ? {} : { weight: reshape(weight, losses.shape), over: "weight" });
}

import { atLeast } from "../../graph/ops/clip.ts";
import { div } from "../../graph/ops/div.ts";
import { mul } from "../../graph/ops/mul.ts";
import { expandLike, mean, sum } from "../../graph/ops/reduce.ts";
import type { Tensor } from "../../graph/tensor.ts";

/** How the losses of single elements become one number. */
export interface Reduction {
  /** Weight of each element, float32, broadcast; 0 leaves it out. */
  weight?: Tensor | undefined;
  /**
   * What the weighted sum is divided by: the number of all elements, those of weight 0 included (mmseg); the sum of
   * the weights (PyTorch's `mean`); nothing; or a scalar of the graph. Default: `all`.
   */
  over?: "all" | "weight" | "nothing" | Tensor | undefined;
}

/** One number, shape [], from the losses of single elements. Where the weights are all 0, so is the result. */
export function reduceLoss(losses: Tensor, { weight, over = "all" }: Reduction = {}): Tensor {
  const axes = losses.shape.map((_, axis) => axis);
  const weighted = weight === undefined ? losses : mul(losses, weight);
  if (over === "all" || (over === "weight" && weight === undefined)) return mean(weighted, { axes });
  const total = sum(weighted, { axes });
  if (over === "nothing") return total;
  // Weights that are all 0 must not give 0/0.
  return div(total, atLeast(over === "weight" ? sum(expandLike(weight!, losses), { axes }) : over, 1e-12));
}

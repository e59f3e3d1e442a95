import { add } from "../graph/ops/add.ts";
import { argMax } from "../graph/ops/arg-max.ts";
import { equal } from "../graph/ops/equal.ts";
import { gather } from "../graph/ops/gather.ts";
import { log } from "../graph/ops/log.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { mean, norm } from "../graph/ops/reduce.ts";
import { sub } from "../graph/ops/sub.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { indices, scalar, type Tensor } from "../graph/tensor.ts";
import { unit } from "../train/losses/cosine.ts";

/**
 * Kozachenko–Leonenko estimate of the entropy, as a loss (Sablayrolles et al. 2019, arXiv:1806.03198, eq. 3):
 * −(1/N) Σᵢ ln(‖xᵢ − x_nearest(i)‖ + 10⁻⁸) over rows of length one. It drives features apart that are nearly the same;
 * rows that are the same have no direction to go and no gradient.
 *
 * @param features  [N, C], of any length; N is known.
 * @returns One number, shape [].
 */
export function koleo(features: Tensor): Tensor {
  const x = unit(features);
  const [n] = features.shape as [number, number];
  const rows = Array.from({ length: n }, (_, i) => i);
  // Nobody is his own neighbour: cosines are above −1, and the diagonal goes below.
  const self = equal(indices(rows, [n, 1]), indices(rows));
  const nearest = argMax(sub(matMul(x, transpose(x, [1, 0])), mul(self, scalar(3))));
  const distance = norm(sub(x, gather(x, nearest)), { axes: [-1] });
  return mul(mean(log(add(distance, scalar(1e-8))), { axes: [0] }), scalar(-1));
}

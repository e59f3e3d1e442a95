import { add } from "../../graph/ops/add.ts";
import { exp } from "../../graph/ops/exp.ts";
import { mul } from "../../graph/ops/mul.ts";
import { softplus } from "../../graph/ops/softplus.ts";
import { sub } from "../../graph/ops/sub.ts";
import { scalar, type Tensor } from "../../graph/tensor.ts";
import { type Reduction, reduceLoss } from "./reduce.ts";

/**
 * Focal loss of logits with targets 0 or 1 of the same shape: −αₜ (1 − pₜ)^γ ln pₜ (Lin et al. 2017, arXiv:1708.02002,
 * eq. 5). With z = −x for targets 1 and x for 0, −ln pₜ = ln(1 + e^z) and 1 − pₜ = σ(z) = e^(−ln(1 + e^(−z))).
 *
 * @param options.alpha  Weight of targets 1; those of 0 weigh 1 − alpha.
 * @returns One number, shape [].
 */
export function focalLoss(
  logits: Tensor,
  target: Tensor,
  { alpha = 0.25, gamma = 2, ...reduction }: Reduction & { alpha?: number; gamma?: number } = {},
): Tensor {
  const z = mul(logits, sub(scalar(1), mul(target, scalar(2))));
  const modulation = exp(mul(softplus(mul(z, scalar(-1))), scalar(-gamma)));
  const balance = add(mul(target, scalar(2 * alpha - 1)), scalar(1 - alpha));
  return reduceLoss(mul(mul(balance, modulation), softplus(z)), reduction);
}

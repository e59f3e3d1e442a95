import { abs } from "../../graph/ops/abs.ts";
import { min } from "../../graph/ops/min.ts";
import { mul } from "../../graph/ops/mul.ts";
import { sub } from "../../graph/ops/sub.ts";
import { scalar, type Tensor } from "../../graph/tensor.ts";
import { type Reduction, reduceLoss } from "./reduce.ts";

/** (x − t)² as one number. */
export function meanSquaredError(x: Tensor, target: Tensor, reduction: Reduction = {}): Tensor {
  const error = sub(x, target);
  return reduceLoss(mul(error, error), reduction);
}

/** |x − t| as one number. */
export function l1Loss(x: Tensor, target: Tensor, reduction: Reduction = {}): Tensor {
  return reduceLoss(abs(sub(x, target)), reduction);
}

/**
 * d²/2β where d = |x − t| is below β, else d − β/2 (Girshick 2015, arXiv:1504.08083, eq. 3), as one number. With
 * m = min(d, β) both are m·(d − m/2)/β.
 */
export function smoothL1Loss(
  x: Tensor,
  target: Tensor,
  { beta = 1, ...reduction }: Reduction & { beta?: number } = {},
): Tensor {
  const d = abs(sub(x, target));
  const m = min(d, scalar(beta));
  return reduceLoss(mul(mul(m, sub(d, mul(m, scalar(0.5)))), scalar(1 / beta)), reduction);
}

import { atLeast } from "../../graph/ops/clip.ts";
import { div } from "../../graph/ops/div.ts";
import { mul } from "../../graph/ops/mul.ts";
import { norm, sum } from "../../graph/ops/reduce.ts";
import { sub } from "../../graph/ops/sub.ts";
import { scalar, type Tensor } from "../../graph/tensor.ts";
import { type Reduction, reduceLoss } from "./reduce.ts";

/** x at length 1 along the last axis; what has no length stays zero, as in PyTorch's `normalize`. */
export function unit(x: Tensor): Tensor {
  return div(x, atLeast(norm(x, { axes: [-1], keepDims: true }), 1e-12));
}

/** 1 − cos(a, b) over the last axis of [..., C], as one number. */
export function cosineLoss(a: Tensor, b: Tensor, reduction: Reduction = {}): Tensor {
  return reduceLoss(sub(scalar(1), sum(mul(unit(a), unit(b)), { axes: [-1] })), reduction);
}

import { argMax } from "../graph/ops/arg-max.ts";
import { atLeast } from "../graph/ops/clip.ts";
import { div } from "../graph/ops/div.ts";
import { oneHot } from "../graph/ops/equal.ts";
import { greater } from "../graph/ops/greater.ts";
import { log } from "../graph/ops/log.ts";
import { min } from "../graph/ops/min.ts";
import { mul } from "../graph/ops/mul.ts";
import { expandLike, mean, sum, zerosLike } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { sqrt } from "../graph/ops/sqrt.ts";
import { stopGradient } from "../graph/ops/stop-gradient.ts";
import { sub } from "../graph/ops/sub.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { unit } from "../train/losses/cosine.ts";
import { reduceLoss } from "../train/losses/reduce.ts";

/** Rows that count, [N]: 1, or 0 for what is not there. Default: all. */
interface Counted {
  weight?: Tensor | undefined;
}

/**
 * What the teacher's assignments tell of a collapse, each as one number from 0 to 1:
 *
 * - `entropy`: of a row, the mean over rows, divided by ln K. 1: the teacher says nothing; 0: one prototype each.
 * - `balance`: entropy of the mean row, divided by ln K. Near 0 all rows are assigned to the same prototypes.
 * - `used`: prototypes that are the first choice of a row, among as many as there can be with these rows.
 *
 * @param probability  [N, K] rows that sum to 1; N may be symbolic.
 */
export function assignmentMonitors(
  probability: Tensor,
  { weight }: Counted = {},
): { entropy: Tensor; balance: Tensor; used: Tensor } {
  const p = stopGradient(probability);
  const [, k] = p.shape as [unknown, number];
  const counts = weightOf(p, weight);
  const rows = reduceLoss(entropyOf(p), { weight: reshape(counts, entropyOf(p).shape), over: "weight" });
  const average = div(sum(mul(p, counts), { axes: [0] }), total(counts));
  const chosen = greater(sum(mul(oneHot(argMax(p), k), counts), { axes: [0] }), scalar(0));
  const scale = scalar(1 / Math.log(k));
  return {
    entropy: mul(rows, scale),
    balance: mul(entropyOf(average), scale),
    used: div(sum(chosen, { axes: [0] }), min(total(counts), scalar(k))),
  };
}

/**
 * What features tell of a collapse, each as one number:
 *
 * - `deviation`: standard deviation of each channel of the features at length one, times √C, the mean over channels.
 *   1 where directions are spread evenly, 0 where all features are the same.
 * - `agreement`: cosine of the student's features with the teacher's of the same images. Exactly 1 from the start
 *   means that both are one network.
 *
 * @param student  [N, C]; N may be symbolic.
 * @param teacher  [N, C].
 */
export function featureMonitors(
  student: Tensor,
  teacher: Tensor,
  { weight }: Counted = {},
): { deviation: Tensor; agreement: Tensor } {
  const [x, y] = [unit(stopGradient(student)), unit(stopGradient(teacher))];
  const [, width] = x.shape as [unknown, number];
  const counts = weightOf(x, weight);
  const average = (values: Tensor) => div(sum(mul(values, counts), { axes: [0] }), total(counts));
  const away = sub(x, average(x));
  const deviation = mean(sqrt(average(mul(away, away))), { axes: [0] });
  return {
    deviation: mul(deviation, scalar(Math.sqrt(width))),
    agreement: reshape(average(sum(mul(x, y), { axes: [1], keepDims: true })), []),
  };
}

/** −Σ p ln p over the last axis; 0 ln 0 = 0. */
function entropyOf(p: Tensor): Tensor {
  return mul(sum(mul(p, log(atLeast(p, 1e-30))), { axes: [-1] }), scalar(-1));
}

/** [N, 1] for rows [N, C]. */
function weightOf(rows: Tensor, weight: Tensor | undefined): Tensor {
  const column = [rows.shape[0]!, 1];
  if (weight !== undefined) return reshape(stopGradient(weight), column);
  const zeros = zerosLike(sum(rows, { axes: [1], keepDims: true }));
  return expandLike(reshape(sub(scalar(1), zeros), column), zeros);
}

/** How many rows count; where none do, the sums above are 0 and so are their quotients. */
const total = (weight: Tensor) => atLeast(sum(weight, { axes: [0, 1] }), 1);

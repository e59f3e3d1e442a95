import { add } from "../graph/ops/add.ts";
import { div } from "../graph/ops/div.ts";
import { greater } from "../graph/ops/greater.ts";
import { logSumExp } from "../graph/ops/log-sum-exp.ts";
import { mul } from "../graph/ops/mul.ts";
import { countOf, sum } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { softmax } from "../graph/ops/softmax.ts";
import { stopGradient } from "../graph/ops/stop-gradient.ts";
import { sub } from "../graph/ops/sub.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";

/** The logarithm of a weight of 0, as far as float32 is concerned. */
const nothing = 1e4;

/**
 * Assignment of rows to columns that all columns share alike, by Sinkhorn–Knopp (Cuturi 2013, arXiv:1306.0895; for
 * clusters: Caron et al. 2020, arXiv:2006.09882, §3.1): Q = exp(scores / ε), then `iterations` times columns to the
 * sum 1/k and rows to 1/n; at last times n.
 *
 * Computed by logarithms of the two scalings, Q = diag(eᶠ) exp(scores / ε) diag(eᵍ): the same numbers, but rows that
 * are far below the largest score do not vanish, and no constants need to be added to the sums. A single row has
 * nothing to share: its softmax. With fewer rows than columns the result is flatter than the scores.
 *
 * @param scores  [..., n, k]; n may be symbolic. Each matrix is balanced by itself.
 * @param options.epsilon  Temperature: a number, or a scalar of the graph.
 * @param options.weight  [..., n]: 1, or 0 for rows that are not there: they are assigned too, but count in no column.
 * @returns [..., n, k]: rows sum to 1, columns to n/k, nearly. No gradient passes.
 */
export function sinkhorn(
  scores: Tensor,
  { epsilon, iterations = 3, weight }: { epsilon: number | Tensor; iterations?: number; weight?: Tensor | undefined },
): Tensor {
  const logits = div(stopGradient(scores), typeof epsilon === "number" ? scalar(epsilon) : epsilon);
  const mirrored = exchange(logits);
  const column = [...scores.shape.slice(0, -1), 1];
  const absent = weight && mul(sub(reshape(weight, column), scalar(1)), scalar(nothing));
  const several = greater(
    weight === undefined ? countOf(scores, [-2 + scores.shape.length]) : present(weight),
    scalar(1),
  );
  let rows = absent;
  let balanced = logits;
  for (let i = 0; i < iterations; i++) {
    const columns = logSumExp(rows === undefined ? mirrored : add(mirrored, exchange(rows)));
    balanced = sub(logits, mul(exchange(columns), several));
    if (i === iterations - 1) break;
    const negated = mul(logSumExp(balanced), scalar(-1));
    rows = absent === undefined ? negated : add(negated, absent);
  }
  return stopGradient(softmax(balanced));
}

/** How many rows each matrix has, [..., 1, 1]. */
function present(weight: Tensor): Tensor {
  const count = sum(weight, { axes: [-1] });
  return reshape(count, [...count.shape, 1, 1]);
}

function exchange(x: Tensor): Tensor {
  const rank = x.shape.length;
  return transpose(x, [...x.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2));
}

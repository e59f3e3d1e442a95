import { add } from "../graph/ops/add.ts";
import { atLeast } from "../graph/ops/clip.ts";
import { div } from "../graph/ops/div.ts";
import { exp } from "../graph/ops/exp.ts";
import { greater } from "../graph/ops/greater.ts";
import { logSumExp } from "../graph/ops/log-sum-exp.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { countOf, sum } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { softmax } from "../graph/ops/softmax.ts";
import { stopGradient } from "../graph/ops/stop-gradient.ts";
import { sub } from "../graph/ops/sub.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";

/** The logarithm of a weight of 0, as far as float32 is concerned. */
const nothing = 1e4;
/** Columns that no row comes near are scaled up by the inverse at most. */
const least = 1e-30;

/**
 * Assignment of rows to columns that all columns share alike, by Sinkhorn–Knopp (Cuturi 2013, arXiv:1306.0895; for
 * clusters: Caron et al. 2020, arXiv:2006.09882, §3.1): Q = exp(scores / ε), then `iterations` times columns to the
 * sum 1/k and rows to 1/n; at last times n.
 *
 * Only factors of rows and columns are iterated, Q = diag(r) E diag(c). E is the softmax of the rows, not exp of the
 * scores less their largest: the same Q, since factors of rows are what r is, but rows far below the largest score do
 * not vanish, and no constants need to be added to the sums. A single row has nothing to share: its softmax. With fewer
 * rows than columns the result is flatter than the scores.
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
  const [matrices, n, k] = [scores.shape.slice(0, -2), scores.shape.at(-2)!, scores.shape.at(-1)!];
  const [asRow, asColumn] = [
    (x: Tensor) => reshape(x, [...matrices, 1, n]),
    (x: Tensor) => reshape(x, [...matrices, k, 1]),
  ];
  const logits = div(stopGradient(scores), typeof epsilon === "number" ? scalar(epsilon) : epsilon);
  const total = logSumExp(logits);
  const e = exp(sub(logits, total));
  const there = weight && asRow(stopGradient(weight));
  const count = there === undefined ? countOf(scores, [matrices.length]) : sum(there, { axes: [-1], keepDims: true });
  const several = greater(count, scalar(1));
  // What E lacks of exp(scores / ε), up to a factor.
  let rows = softmax(
    there === undefined ? asRow(total) : add(asRow(total), mul(sub(there, scalar(1)), scalar(nothing))),
  );
  let columns = scalar(1);
  let sums = total;
  for (let i = 0; i < iterations; i++) {
    const share = atLeast(matMul(rows, e), least);
    columns = div(scalar(1), add(mul(share, several), sub(scalar(1), several)));
    sums = matMul(e, asColumn(columns));
    rows = div(there ?? scalar(1), asRow(sums));
  }
  return stopGradient(div(mul(e, columns), sums));
}

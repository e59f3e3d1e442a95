import { atLeast } from "../graph/ops/clip.ts";
import { div } from "../graph/ops/div.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { sum } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { softmax } from "../graph/ops/softmax.ts";
import { stopGradient } from "../graph/ops/stop-gradient.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { unit } from "../train/losses/cosine.ts";
import { sinkhorn } from "./sinkhorn.ts";

/**
 * Objects of a place: its cells in clusters, the same clusters for student and teacher.
 *
 * The paper clusters by Sinkhorn–Knopp and does not say how clusters of two views find each other (Guo et al. 2024,
 * arXiv:2312.10115, §3.3). Here both views are compared with the same learned centres C: with X, X′ the features of
 * length one, A′ = Sinkhorn(X′ Cᵀ / ε) and A = softmax(X Cᵀ / τ); object k is Σₙ Aₙₖ xₙ / Σₙ Aₙₖ. Sinkhorn gives all
 * objects of the teacher the same size, so none is empty.
 *
 * @param student  [B, N, C] features of the student.
 * @param teacher  [B, N, C] those of the teacher on the same ground.
 * @param centres  [objects, C], of any length; learnt by the student's gradient.
 * @param options.temperature  τ.
 * @param options.weight  [B, N]: 1, or 0 for cells that belong to no object.
 * @returns Both [B, objects, C]. No gradient passes to the teacher's.
 */
export function objectCentres(
  student: Tensor,
  teacher: Tensor,
  centres: Tensor,
  { temperature = 0.1, epsilon = 0.05, weight }: { temperature?: number; epsilon?: number; weight?: Tensor } = {},
): { student: Tensor; teacher: Tensor } {
  const [seen, wanted] = [unit(student), unit(stopGradient(teacher))];
  const directions = transpose(unit(centres), [1, 0]);
  const assigned = softmax(mul(matMul(seen, directions), scalar(1 / temperature)));
  const balanced = sinkhorn(matMul(wanted, directions), { epsilon, weight });
  return {
    student: weightedMeans(seen, counted(assigned, weight)),
    teacher: stopGradient(weightedMeans(wanted, counted(balanced, weight))),
  };
}

function counted(assignment: Tensor, weight: Tensor | undefined): Tensor {
  return weight === undefined ? assignment : mul(assignment, reshape(weight, [...weight.shape, 1]));
}

/** Σₙ Aₙₖ xₙ / Σₙ Aₙₖ: x [B, N, C], A [B, N, K] → [B, K, C]. Where nothing is assigned, zero. */
function weightedMeans(x: Tensor, assignment: Tensor): Tensor {
  const mass = sum(assignment, { axes: [1] });
  return div(matMul(transpose(assignment, [0, 2, 1]), x), atLeast(reshape(mass, [...mass.shape, 1]), 1e-12));
}

import { sensorNames } from "../core/place.ts";
import { concat } from "../graph/ops/concat.ts";
import { greater } from "../graph/ops/greater.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { slice } from "../graph/ops/pad.ts";
import { sum } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import type { Branch, ViewInputs } from "./encode-views.ts";

/** Shares of the cells that a pair interpolates between sum to 1, but for rounding. */
const nearlyAll = 0.999;

/**
 * Which cells of the views hold anything to learn from: at least half of their pixels are neither masked nor cloudy.
 *
 * @returns [places, views, dates, cells] of 1 and 0; for the fused features one date, 1 where any image is valid.
 */
export function validCells(branch: Branch, { mask, sensors }: ViewInputs): Tensor {
  const present = sensorNames.flatMap((sensor) => sensors[sensor]?.present ?? []);
  const [places, views] = present[0]!.shape as [number, number];
  const [, cells, tokens] = mask.shape as [number, number, number];
  const seen = reshape(greater(mask, scalar(-1)), [places, views, cells, tokens]);
  if (branch === "fused") {
    return reshape(greater(sum(seen, { axes: [3] }), scalar(0)), [places, views, 1, cells]);
  }
  const start = sensorNames
    .slice(0, sensorNames.indexOf(branch))
    .reduce((count, sensor) => count + ((sensors[sensor]?.present.shape[2] as number) ?? 0), 0);
  const dates = sensors[branch]!.present.shape[2] as number;
  return transpose(slice(seen, { axis: 3, start, end: start + dates }), [0, 1, 3, 2]);
}

/**
 * Which pairs of cells can be compared on a date: both views see something there.
 *
 * @param valid  [places, 2, dates, cells], see {@link validCells}.
 * @param pairs.student  [places, 2, 1, pairs, cells]: 1 at the cell of a pair in its own view.
 * @param pairs.teacher  The same for the other view, in shares that sum to 1.
 * @returns [places, 2, dates, pairs] of 1 and 0.
 */
export function validPairs(valid: Tensor, pairs: { student: Tensor; teacher: Tensor }): Tensor {
  const [places, views, dates, cells] = valid.shape as [number, number, number, number];
  const count = pairs.student.shape[3] as number;
  const column = reshape(valid, [places, views, dates, cells, 1]);
  const both = mul(matMul(pairs.student, column), matMul(pairs.teacher, swapViews(column)));
  return reshape(greater(both, scalar(nearlyAll)), [places, views, dates, count]);
}

/** The two views of [places, 2, …] exchanged: what belongs to the other view. */
export function swapViews(x: Tensor): Tensor {
  const view = (i: number) => slice(x, { axis: 1, start: i, end: i + 1 });
  return concat([view(1), view(0)], { axis: 1 });
}

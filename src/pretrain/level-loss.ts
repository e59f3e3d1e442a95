import { add } from "../graph/ops/add.ts";
import { div } from "../graph/ops/div.ts";
import { logSoftmax } from "../graph/ops/log-softmax.ts";
import { mul } from "../graph/ops/mul.ts";
import { slice } from "../graph/ops/pad.ts";
import { mean, sum } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { softmax } from "../graph/ops/softmax.ts";
import { sqrt } from "../graph/ops/sqrt.ts";
import { sub } from "../graph/ops/sub.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { constant, scalar, type Tensor } from "../graph/tensor.ts";
import { infoNce } from "../train/losses/info-nce.ts";
import { reduceLoss } from "../train/losses/reduce.ts";
import type { PretrainSettings } from "./settings.ts";
import { sinkhorn } from "./sinkhorn.ts";

/** What a loss compares, for one level and branch: what the head made of both sides, row by row. */
export interface Level {
  /** [places, views, rows, K]: logits (`distil`) or embeddings (`contrast`). */
  student: Tensor;
  /** The teacher's of the other view, ready for {@link assign}: centred and divided by its temperature. */
  teacher: Tensor;
  /** [places, views, rows]: 1, or 0 where there is nothing. */
  weight: Tensor;
  /** Are the rows of a place dates? Then they are no negatives of each other. */
  dated?: boolean;
  /** [places, local views, K] of the student: compared with both of the teacher's global views. */
  local?: Tensor | undefined;
}

type LossSettings = Pick<PretrainSettings, "form" | "balance" | "temperature">;

/**
 * L_CL of the paper for one level (Guo et al. 2024, arXiv:2312.10115, eq. 4), the mean over all rows: what the student
 * says of one view shall be what the teacher says of the other.
 *
 * @returns `loss`, one number, shape []; with `distil` also `wanted`, the teacher's distributions.
 */
export function levelLoss(level: Level, settings: LossSettings): { loss: Tensor; wanted?: Tensor } {
  if (settings.form === "contrast") return { loss: contrast(level, settings) };
  const wanted = assign(level, settings);
  return { loss: distil(level, wanted, settings), wanted };
}

/** The teacher's rows as distributions over the prototypes; no gradient passes. */
function assign({ teacher, weight }: Level, { balance }: Pick<PretrainSettings, "balance">): Tensor {
  if (balance === "centre") return softmax(teacher);
  const rows = reshape(weight, [sizeOf(weight.shape)]);
  return reshape(sinkhorn(rowsOf(teacher), { epsilon: 1, weight: rows }), teacher.shape);
}

function distil({ student, weight, local }: Level, wanted: Tensor, settings: LossSettings): Tensor {
  const temperature = scalar(1 / settings.temperature.student);
  const entropy = (target: Tensor, logits: Tensor) =>
    mul(sum(mul(target, logSoftmax(mul(logits, temperature))), { axes: [-1] }), scalar(-1));
  const global = reduceLoss(entropy(wanted, student), { weight, over: "weight" });
  if (local === undefined) return global;
  // Cross-entropy is linear in its target: the mean over the teacher's views is that of their mean.
  const target = mean(reshape(wanted, [wanted.shape[0]!, wanted.shape[1]!, wanted.shape[3]!]), {
    axes: [1],
    keepDims: true,
  });
  return joined(global, reduceLoss(entropy(target, local)), { weight, local });
}

/**
 * Each view apart: the teacher's features of the very view that the student sees would be the nearest of all negatives,
 * though they should be near. So would other dates of a place.
 */
function contrast({ student, teacher, weight, local, dated = false }: Level, { temperature }: LossSettings): Tensor {
  const options = { temperature: temperature.contrast };
  const [places, views, rows, width] = teacher.shape as readonly [number, number, number, number];
  const groups = dated ? rows : 1;
  const part = (x: Tensor, view: number, group: number) =>
    slice(slice(x, { axis: 1, start: view, end: view + 1 }), {
      axis: 2,
      start: (group * rows) / groups,
      end: ((group + 1) * rows) / groups,
    });
  const terms = Array.from({ length: views * groups }, (_, i) => {
    const [view, group] = [Math.floor(i / groups), i % groups];
    const counts = part(weight, view, group);
    const rows = reshape(counts, [sizeOf(counts.shape)]);
    const [own, other] = [student, teacher].map((x) => standardise(rowsOf(part(x, view, group)), rows));
    return infoNce(own!, other!, { ...options, weight: rows });
  });
  const global = meanOf(terms);
  if (local === undefined) return global;
  const all = constant(new Float32Array(places).fill(1), [places]);
  const centre = standardise(mean(reshape(teacher, [places, views, width]), { axes: [1] }), all);
  const count = local.shape[1] as number;
  const locals = Array.from({ length: count }, (_, i) => {
    const own = reshape(slice(local, { axis: 1, start: i, end: i + 1 }), [places, width]);
    return infoNce(standardise(own, all), centre, options);
  });
  return joined(global, meanOf(locals), { weight, local });
}

/**
 * Each column of [rows, width] with mean 0 and deviation 1 over the rows that count, as the last layer of SimCLR's and
 * MoCo v3's heads does it (Chen et al. 2021, arXiv:2104.02057): without, all embeddings begin with one direction in
 * common, and the loss stays on its first plateau for long.
 */
function standardise(x: Tensor, weight: Tensor): Tensor {
  const rows = weight.shape[0]!;
  const share = reshape(div(weight, add(sum(weight, { axes: [0], keepDims: true }), scalar(1e-6))), [rows, 1]);
  const over = (y: Tensor) => sum(mul(y, share), { axes: [0], keepDims: true });
  const centred = sub(x, over(x));
  return div(centred, sqrt(add(over(mul(centred, centred)), scalar(1e-5))));
}

function meanOf(terms: readonly Tensor[]): Tensor {
  return mul(
    terms.reduce((a, b) => add(a, b)),
    scalar(1 / terms.length),
  );
}

/** Every pair of a student's and a teacher's view counts alike. */
function joined(global: Tensor, locals: Tensor, { weight, local }: { weight: Tensor; local: Tensor }): Tensor {
  const views = weight.shape[1] as number;
  const pairs = views * (local.shape[1] as number);
  return add(mul(global, scalar(views / (views + pairs))), mul(locals, scalar(pairs / (views + pairs))));
}

/** [rows, K]. */
export function rowsOf(x: Tensor): Tensor {
  return reshape(x, [sizeOf(x.shape.slice(0, -1) as Shape), x.shape.at(-1)!]);
}

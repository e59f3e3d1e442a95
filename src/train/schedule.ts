/**
 * The learning rate over a run, as plain data. `warmup` steps rise linearly from `warmupRatio` (default 0) of what the
 * curve says at that step; curves run over all steps, warm-up included, as in mmcv.
 */
export type Schedule = { lr: number; warmup?: number; warmupRatio?: number } & Curve;

type Curve =
  | { kind: "constant" }
  /** Half a cosine from `lr` to `end`·`lr` (default 0). */
  | { kind: "cosine"; end?: number }
  | { kind: "linear"; end?: number }
  /** (1 − step/steps)^`power` (default 1), scaled to end at `end`·`lr`. */
  | { kind: "poly"; power?: number; end?: number }
  /** Times `gamma` (default 0.1) after each of these steps. */
  | { kind: "step"; milestones: readonly number[]; gamma?: number };

/** The learning rate of update `step`, counted from 0, of `steps`: in closed form, so that resuming needs no state. */
export function learningRate(schedule: Schedule, step: number, steps: number): number {
  const { lr, warmup = 0, warmupRatio = 0 } = schedule;
  const rise = step < warmup ? 1 - (1 - step / warmup) * (1 - warmupRatio) : 1;
  return lr * curve(schedule, step, steps) * rise;
}

function curve(schedule: Schedule, step: number, steps: number): number {
  const left = 1 - Math.min(step, steps) / steps;
  const between = (part: number, end = 0) => end + (1 - end) * part;
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "cosine":
      return between((1 - Math.cos(Math.PI * left)) / 2, schedule.end);
    case "linear":
      return between(left, schedule.end);
    case "poly":
      return between(left ** (schedule.power ?? 1), schedule.end);
    case "step":
      return (schedule.gamma ?? 0.1) ** schedule.milestones.filter((milestone) => step >= milestone).length;
  }
}

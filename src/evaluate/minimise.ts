/** A smooth function: its value at `x`, the gradient written to `gradient`. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

/**
 * Minimum of a smooth convex function by L-BFGS (Nocedal & Wright 2006, algorithms 7.4 and 7.5).
 *
 * Backtracking suffices: convexity makes every step's curvature positive. Near the minimum the function's rounding
 * error exceeds its decrease, so that much increase is forgiven.
 *
 * @param start  overwritten by the minimum
 * @param options.precondition  turns a gradient, in place, into what the inverse of some likeness of the Hessian gives;
 *   default: nothing is known of the Hessian
 * @param options.tolerance  largest component of the gradient at which it stops
 */
export function minimise(
  objective: Objective,
  start: Float64Array,
  {
    tolerance = 1e-6,
    maxIterations = 2000,
    memory = 20,
    precondition,
  }: {
    tolerance?: number;
    maxIterations?: number;
    memory?: number;
    precondition?: (gradient: Float64Array) => void;
  } = {},
): { value: number; iterations: number; converged: boolean } {
  const x = start;
  const gradient = new Float64Array(x.length);
  let value = objective(x, gradient);
  let scaled = conditioned(gradient, precondition);
  const pairs: Pair[] = [];
  const trial = new Float64Array(x.length);
  const trialGradient = new Float64Array(x.length);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    if (largest(gradient) <= tolerance) return { value, iterations: iteration, converged: true };
    const direction = descent(gradient, scaled, pairs);
    const slope = dot(direction, gradient);
    // The first step has no measured scale: not longer than 1.
    let length = pairs.length === 0 && precondition === undefined ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    let next = Number.POSITIVE_INFINITY;
    for (let tries = 0; ; tries++) {
      for (let i = 0; i < x.length; i++) trial[i] = x[i]! + length * direction[i]!;
      next = objective(trial, trialGradient);
      if (next <= value + 1e-4 * length * slope + 1e-14 * Math.abs(value)) break;
      if (tries === 40) return { value, iterations: iteration, converged: false };
      // The minimum of the parabola through value, slope and trial, kept within a tenth and a half of the step.
      const parabola = (-slope * length) / (2 * ((next - value) / length - slope));
      length = Number.isFinite(next) ? Math.min(Math.max(parabola, 0.1 * length), 0.5 * length) : 0.1 * length;
    }
    const trialScaled = conditioned(trialGradient, precondition);
    const step = Float64Array.from(trial, (t, i) => t - x[i]!);
    const change = Float64Array.from(trialGradient, (g, i) => g - gradient[i]!);
    const scaledChange = Float64Array.from(trialScaled, (g, i) => g - scaled[i]!);
    const curvature = dot(step, change);
    if (curvature > 1e-16 * dot(change, change)) pairs.push({ step, change, scaledChange, inverse: 1 / curvature });
    if (pairs.length > memory) pairs.shift();
    x.set(trial);
    gradient.set(trialGradient);
    scaled = trialScaled;
    value = next;
  }
  return { value, iterations: maxIterations, converged: false };
}

/** What one step taught: how the gradient changed along it, and that change preconditioned. */
interface Pair {
  step: Float64Array;
  change: Float64Array;
  scaledChange: Float64Array;
  inverse: number;
}

function conditioned(
  gradient: Float64Array,
  precondition: ((gradient: Float64Array) => void) | undefined,
): Float64Array {
  const out = gradient.slice();
  precondition?.(out);
  return out;
}

/**
 * −H g, H the inverse Hessian that the last steps suggest. Preconditioning is linear, so that of g and of its changes
 * give all that is needed.
 */
function descent(gradient: Float64Array, scaled: Float64Array, pairs: readonly Pair[]): Float64Array {
  const q = gradient.map((g) => -g);
  const out = scaled.map((g) => -g);
  const weights: number[] = [];
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { step, change, scaledChange, inverse } = pairs[k]!;
    weights[k] = inverse * dot(step, q);
    addScaled(q, change, -weights[k]!);
    addScaled(out, scaledChange, -weights[k]!);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.inverse * dot(last.change, last.scaledChange));
    for (let i = 0; i < out.length; i++) out[i]! *= scale;
  }
  for (const [k, { step, change, inverse }] of pairs.entries()) {
    addScaled(out, step, weights[k]! - inverse * dot(change, out));
  }
  return out;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(to: Float64Array, from: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

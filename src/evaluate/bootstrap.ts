import { createRandom } from "../core/random.ts";

/** 95 % of the draws lie between. */
export interface Interval {
  low: number;
  high: number;
}

/**
 * Percentile bootstrap over test items: how far each measure would move with another test set of this size. It knows
 * nothing of another training set or seed.
 *
 * One item tells nothing of others: its interval is NaN.
 *
 * @param measure  measures of the items at `indices`, which repeat; NaN draws are left out
 * @param options.draws  default 1000
 */
export function bootstrap<Name extends string>(
  items: number,
  measure: (indices: Int32Array) => Readonly<Record<Name, number>>,
  { seed, draws = 1000 }: { seed: number; draws?: number },
): Record<Name, Interval> {
  const random = createRandom(seed, "bootstrap");
  const indices = new Int32Array(items);
  const values = new Map<Name, number[]>();
  for (let draw = 0; draw < draws; draw++) {
    for (let i = 0; i < items; i++) indices[i] = random.integer(items);
    for (const [name, value] of Object.entries(measure(indices)) as [Name, number][]) {
      if (!values.has(name)) values.set(name, []);
      if (!Number.isNaN(value)) values.get(name)!.push(value);
    }
  }
  return Object.fromEntries(
    [...values].map(([name, drawn]) => {
      const sorted = Float64Array.from(items < 2 ? [] : drawn).sort();
      return [name, { low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) }];
    }),
  ) as Record<Name, Interval>;
}

/** Linear between order statistics, as numpy's default; NaN of nothing. */
function quantile(sorted: Float64Array, q: number): number {
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const [a = Number.NaN, b = a] = [sorted[below], sorted[below + 1]];
  return a + (b - a) * (at - below);
}

/** Mean and sample standard deviation (n − 1) over seeds; the latter NaN of one. */
export function overSeeds(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (values.length - 1)) };
}

/** Robust statistics of the valid values of one band. */
export interface BandStatistics {
  /** How many values were looked at, masked ones included. */
  count: number;
  /** Share of them that is valid, 0 to 1. The rest of the fields are NaN where it is 0. */
  valid: number;
  min: number;
  p1: number;
  median: number;
  p99: number;
  max: number;
  mean: number;
  std: number;
  /** All valid values are whole numbers. */
  whole: boolean;
}

/**
 * Statistics of `values`, NaN and infinities left out.
 *
 * Quantiles are order statistics (no interpolation): p1 of 50 values is the smallest.
 */
export function statistics(values: ArrayLike<number>): BandStatistics {
  const valid = Float64Array.from(values).filter(Number.isFinite).sort();
  const n = valid.length;
  const quantile = (q: number) => valid[Math.min(n - 1, Math.floor(q * n))] ?? Number.NaN;
  let sum = 0;
  let whole = true;
  for (const v of valid) {
    sum += v;
    if (!Number.isInteger(v)) whole = false;
  }
  const mean = sum / n;
  let squares = 0;
  for (const v of valid) squares += (v - mean) ** 2;
  return {
    count: values.length,
    valid: values.length === 0 ? 0 : n / values.length,
    min: quantile(0),
    p1: quantile(0.01),
    median: quantile(0.5),
    p99: quantile(0.99),
    max: quantile(1),
    mean,
    std: Math.sqrt(squares / n),
    whole: n > 0 && whole,
  };
}

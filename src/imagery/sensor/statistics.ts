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

/** Quantiles come from at most that many values, evenly picked: sorting millions would cost more than reading them. */
const ranked = 16_384;

/**
 * Statistics of `values`, NaN and infinities left out.
 *
 * Quantiles are order statistics (no interpolation): p1 of 50 values is the smallest.
 */
export function statistics(values: ArrayLike<number>): BandStatistics {
  let n = 0;
  let sum = 0;
  let squares = 0;
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let whole = true;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (!Number.isFinite(v)) continue;
    n++;
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
    if (whole && !Number.isInteger(v)) whole = false;
  }
  const mean = sum / n;
  const stride = Math.max(1, n / ranked);
  const picked: number[] = [];
  for (let i = 0, rank = 0; i < values.length; i++) {
    const v = values[i]!;
    if (!Number.isFinite(v)) continue;
    squares += (v - mean) ** 2;
    if (rank++ >= picked.length * stride) picked.push(v);
  }
  const sorted = Float64Array.from(picked).sort();
  const quantile = (q: number) => sorted[Math.floor(q * sorted.length)] ?? Number.NaN;
  return {
    count: values.length,
    valid: values.length === 0 ? 0 : n / values.length,
    min: n === 0 ? Number.NaN : min,
    p1: quantile(0.01),
    median: quantile(0.5),
    p99: quantile(0.99),
    max: n === 0 ? Number.NaN : max,
    mean,
    std: Math.sqrt(squares / n),
    whole: n > 0 && whole,
  };
}

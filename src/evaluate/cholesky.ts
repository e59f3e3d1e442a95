/** Solves A x = b for a positive definite A, [n, n], by its Cholesky factor. */
export interface Solver {
  /** b [n, columns] becomes x, in place. */
  solve(b: Float64Array, columns: number): void;
}

/** @param a  symmetric positive definite, [n, n]; overwritten */
export function cholesky(a: Float64Array, n: number): Solver {
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let value = a[i * n + j]!;
      for (let k = 0; k < j; k++) value -= a[i * n + k]! * a[j * n + k]!;
      a[i * n + j] = i === j ? Math.sqrt(value) : value / a[j * n + j]!;
    }
  }
  return {
    solve(b, columns) {
      for (let i = 0; i < n; i++) eliminate(b, columns, i, { from: 0, to: i, factor: (k) => a[i * n + k]! });
      for (let i = n - 1; i >= 0; i--) eliminate(b, columns, i, { from: i + 1, to: n, factor: (k) => a[k * n + i]! });
    },
  };

  /** Row i minus the known rows times their factors, over the diagonal. */
  function eliminate(
    b: Float64Array,
    columns: number,
    i: number,
    { from, to, factor }: { from: number; to: number; factor: (k: number) => number },
  ): void {
    for (let k = from; k < to; k++) {
      const f = factor(k);
      for (let c = 0; c < columns; c++) b[i * columns + c]! -= f * b[k * columns + c]!;
    }
    for (let c = 0; c < columns; c++) b[i * columns + c]! /= a[i * n + i]!;
  }
}

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
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < i; k++) subtractRow(b, columns, { from: k, times: a[i * n + k]!, to: i });
        divideRow(b, columns, i, a[i * n + i]!);
      }
      for (let i = n - 1; i >= 0; i--) {
        divideRow(b, columns, i, a[i * n + i]!);
        for (let k = 0; k < i; k++) subtractRow(b, columns, { from: i, times: a[i * n + k]!, to: k });
      }
    },
  };
}

function subtractRow(
  b: Float64Array,
  columns: number,
  { from, times, to }: { from: number; times: number; to: number },
): void {
  let source = from * columns;
  const start = to * columns;
  for (let at = start; at < start + columns; at++, source++) b[at]! -= times * b[source]!;
}

function divideRow(b: Float64Array, columns: number, row: number, by: number): void {
  for (let at = row * columns; at < (row + 1) * columns; at++) b[at]! /= by;
}

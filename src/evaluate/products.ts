/**
 * out = a · b, [m, k] · [k, n], in float64. Four rows of b at a time, so that `out` is read and written a quarter as
 * often; n is a number of classes, small.
 */
export function product(
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  { m, k, n }: { m: number; k: number; n: number },
): void {
  out.fill(0);
  const even = k - (k % 4);
  for (let i = 0; i < m; i++) {
    const [row, to] = [i * k, i * n];
    for (let j = 0; j < even; j += 4) {
      const [a0, a1, a2, a3] = [a[row + j]!, a[row + j + 1]!, a[row + j + 2]!, a[row + j + 3]!];
      let from = j * n;
      for (let c = 0; c < n; c++, from++) {
        out[to + c]! += a0 * b[from]! + a1 * b[from + n]! + a2 * b[from + 2 * n]! + a3 * b[from + 3 * n]!;
      }
    }
    for (let j = even; j < k; j++) {
      const value = a[row + j]!;
      for (let c = 0; c < n; c++) out[to + c]! += value * b[j * n + c]!;
    }
  }
}

/** out += aᵀ · b, [m, k]ᵀ · [m, n] → [k, n], in float64; four rows of a and b at a time. */
export function addTransposedProduct(
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  { m, k, n }: { m: number; k: number; n: number },
): void {
  const even = m - (m % 4);
  for (let i = 0; i < even; i += 4) {
    for (let j = 0; j < k; j++) {
      const from = i * k + j;
      const [a0, a1, a2, a3] = [a[from]!, a[from + k]!, a[from + 2 * k]!, a[from + 3 * k]!];
      let right = i * n;
      let to = j * n;
      for (let c = 0; c < n; c++, right++, to++) {
        out[to]! += a0 * b[right]! + a1 * b[right + n]! + a2 * b[right + 2 * n]! + a3 * b[right + 3 * n]!;
      }
    }
  }
  for (let i = even; i < m; i++) {
    for (let j = 0; j < k; j++) {
      const value = a[i * k + j]!;
      for (let c = 0; c < n; c++) out[j * n + c]! += value * b[i * n + c]!;
    }
  }
}

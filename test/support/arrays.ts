/** Plain arrays with a shape: what reference computations in tests are written with. Row-major. */
export interface NdArray {
  shape: readonly number[];
  data: ArrayLike<number>;
}

/** The array whose entry at each index is `value(index)`. */
export function nd(shape: readonly number[], value: (index: number[]) => number): NdArray & { data: number[] } {
  const size = shape.reduce((n, extent) => n * extent, 1);
  return { shape, data: Array.from({ length: size }, (_, k) => value(unravel(k, shape))) };
}

/** Entry of x; axes that are missing in front or have extent 1 broadcast. */
export function at({ shape, data }: NdArray, index: readonly number[]): number {
  const own = index.slice(index.length - shape.length);
  return data[shape.reduce((k, extent, axis) => k * extent + (extent === 1 ? 0 : own[axis]!), 0)]!;
}

function unravel(position: number, shape: readonly number[]): number[] {
  const index = shape.map(() => 0);
  let rest = position;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}

/** Numbers that look random and are the same everywhere; between −1 and 1. */
export function noise(shape: readonly number[], seed = 1): NdArray & { data: number[] } {
  let state = seed * 2654435761;
  return nd(shape, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  });
}

/** Σ f(0 … n − 1). */
export function sumOver(n: number, f: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += f(i);
  return sum;
}

/** |a − b| / |b| in the Euclidean norm. */
export function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const error = sumOver(b.length, (i) => (a[i]! - b[i]!) ** 2);
  return Math.sqrt(error / sumOver(b.length, (i) => b[i]! ** 2));
}

/** The largest |a − b|. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < b.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

/**
 * Boxes x₁, y₁, x₂, y₂ in pixels, one after the other. All arithmetic rounds to float32 after each step as PyTorch
 * does, since assignment and suppression compare overlaps with each other and with thresholds.
 */
export type Boxes = Float32Array<ArrayBuffer>;

const f = Math.fround;

/** Height and width in pixels. */
export type ImageSize = readonly [height: number, width: number];

export function boxArea(b: Boxes, i: number): number {
  return f(f(b[4 * i + 2]! - b[4 * i]!) * f(b[4 * i + 3]! - b[4 * i + 1]!));
}

/** Area that box i of `a` and box j of `b` share. */
export function intersection(a: Boxes, i: number, b: Boxes, j: number): number {
  const [p, q] = [4 * i, 4 * j];
  const width = f(Math.min(a[p + 2]!, b[q + 2]!) - Math.max(a[p]!, b[q]!));
  const height = f(Math.min(a[p + 3]!, b[q + 3]!) - Math.max(a[p + 1]!, b[q + 1]!));
  return width > 0 && height > 0 ? f(width * height) : 0;
}

/** Intersection over union of every pair: boxes [n, 4], boxes [m, 4] → [n, m]. */
export function boxIou(a: Boxes, b: Boxes): Float32Array<ArrayBuffer> {
  const [n, m] = [a.length / 4, b.length / 4];
  const areas = Float32Array.from({ length: m }, (_, j) => boxArea(b, j));
  const out = new Float32Array(n * m);
  for (let i = 0; i < n; i++) {
    const area = boxArea(a, i);
    for (let j = 0; j < m; j++) {
      const shared = intersection(a, i, b, j);
      // mmdet's floor of the union, for pairs of empty boxes.
      if (shared > 0) out[i * m + j] = shared / Math.max(f(f(area + areas[j]!) - shared), 1e-6);
    }
  }
  return out;
}

/** The given rows of a list with `width` numbers a row. */
export function takeRows(rows: Float32Array, index: ArrayLike<number>, width: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(index.length * width);
  for (let k = 0; k < index.length; k++) {
    out.set(rows.subarray(index[k]! * width, (index[k]! + 1) * width), k * width);
  }
  return out;
}

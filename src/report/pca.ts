import type { Random } from "../core/random.ts";
import { createRandom } from "../core/random.ts";
import { type Picture, quantileStretch, type Stretch, stretched } from "./picture.ts";

/** Feature cells drawn evenly from everything that was added, whatever the order and the sizes of its parts. */
export interface CellSample {
  /**
   * @param features  [dimensions, height, width].
   * @param valid  [height, width], 0: nodata. Cells with NaN are left out too.
   */
  add(features: Float32Array, valid?: Uint8Array): void;
  /** [cells, dimensions]. */
  rows(): Float32Array[];
}

/**
 * Keep at most `capacity` cells (reservoir sampling, Vitter's algorithm R): every cell seen is kept with the same
 * probability, and the seed makes it reproducible.
 */
export function createCellSample(dimensions: number, { capacity = 4096, seed = 0 } = {}): CellSample {
  const random = createRandom(seed, "preview cells");
  const kept: Float32Array[] = [];
  let seen = 0;
  return {
    add(features, valid) {
      const cells = features.length / dimensions;
      for (let cell = 0; cell < cells; cell++) {
        if (valid?.[cell] === 0 || Number.isNaN(features[cell])) continue;
        seen++;
        const slot = kept.length < capacity ? kept.length : random.integer(seen);
        if (slot >= capacity) continue;
        const row = Float32Array.from({ length: dimensions }, (_, d) => features[d * cells + cell]!);
        if (row.every(Number.isFinite)) kept[slot] = row;
      }
    },
    rows: () => kept,
  };
}

/** How features become colours: one for a scene, so the same feature has the same colour in every tile. */
export interface FeatureColours {
  /** [dimensions]. */
  mean: Float64Array;
  /** Red, green, blue: [3][dimensions], orthonormal, by falling variance. */
  axes: Float64Array[];
  /** Of the projections, by axis. */
  stretches: Stretch[];
  /** Share of the variance that each axis carries. */
  explained: number[];
}

/**
 * The first three principal components of a sample of cells, as colours.
 *
 * Subspace iteration on the sample itself, x ← orthonormal(Xᵀ X x), with five spare vectors: only three components are
 * wanted, so no D × D matrix is made (the full decomposition of a library costs seconds at D = 768). Each axis points
 * where its largest coefficient is positive. Constant or few features give fewer axes; the others are grey.
 *
 * @param rows  [cells, dimensions]; no cell at all gives grey.
 */
export function fitFeatureColours(rows: readonly Float32Array[]): FeatureColours {
  const dimensions = rows[0]?.length ?? 0;
  const mean = new Float64Array(dimensions);
  for (const row of rows) for (let d = 0; d < dimensions; d++) mean[d]! += row[d]! / rows.length;
  const centred = rows.map((row) => Float64Array.from(row, (value, d) => value - mean[d]!));
  const total = centred.reduce((sum, row) => sum + dot(row, row), 0);

  const wanted = Math.min(8, dimensions, rows.length);
  const random = createRandom(0, "subspace");
  let basis = orthonormal(Array.from({ length: wanted }, () => noise(dimensions, random)));
  for (let turn = 0; turn < 20; turn++) basis = orthonormal(covarianceTimes(centred, basis));
  // Ritz vectors: the principal axes within the subspace.
  const image = covarianceTimes(centred, basis);
  const { values, vectors } = symmetricEigen(basis.map((a) => image.map((b) => dot(a, b))));
  const found = values.map((value, i) => ({ value, axis: signed(combine(basis, vectors[i]!)) }));
  found.sort((a, b) => b.value - a.value);

  const top = [0, 1, 2].map((i) => found[i] ?? { value: 0, axis: new Float64Array(dimensions) });
  // Below rounding there is no component, and its direction would be arbitrary.
  const axes = top.map(({ value, axis }) => (value > 1e-12 * total ? axis : new Float64Array(dimensions)));
  return {
    mean,
    axes,
    stretches: axes.map((axis) =>
      quantileStretch(
        centred.map((row) => dot(row, axis)),
        { below: 0.02, above: 0.98 },
      ),
    ),
    explained: top.map(({ value }) => (total > 0 ? value / total : 0)),
  };
}

/**
 * Feature cells as colours, any part of a scene at a time.
 *
 * @param features  [dimensions, height, width].
 * @param valid  [height, width], 0: nodata, transparent; so are cells with NaN.
 */
export function featurePicture(
  colours: FeatureColours,
  features: Float32Array,
  { width, height, valid }: { width: number; height: number; valid?: Uint8Array },
): Picture {
  const { mean, axes, stretches } = colours;
  const cells = width * height;
  const rgba = new Uint8ClampedArray(4 * cells);
  const projected = axes.map((axis) => {
    const out = new Float64Array(cells);
    axis.forEach((weight, d) => {
      for (let cell = 0; cell < cells; cell++) out[cell]! += weight * (features[d * cells + cell]! - mean[d]!);
    });
    return out;
  });
  for (let cell = 0; cell < cells; cell++) {
    if (valid?.[cell] === 0 || Number.isNaN(features[cell])) continue;
    for (let c = 0; c < 3; c++) rgba[4 * cell + c] = 255 * stretched(projected[c]![cell]!, stretches[c]!);
    rgba[4 * cell + 3] = 255;
  }
  return { width, height, rgba };
}

function noise(dimensions: number, random: Random): Float64Array {
  return Float64Array.from({ length: dimensions }, () => random.normal());
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(to: Float64Array, factor: number, what: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * what[i]!;
}

/** Xᵀ (X v) for every v. */
function covarianceTimes(rows: readonly Float64Array[], vectors: readonly Float64Array[]): Float64Array[] {
  const out = vectors.map((vector) => new Float64Array(vector.length));
  for (const row of rows) {
    vectors.forEach((vector, i) => {
      addScaled(out[i]!, dot(row, vector), row);
    });
  }
  return out;
}

/** Gram and Schmidt, twice against rounding; what depends on the vectors before it becomes zero. */
function orthonormal(vectors: Float64Array[]): Float64Array[] {
  vectors.forEach((vector, i) => {
    const before = Math.sqrt(dot(vector, vector));
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) addScaled(vector, -dot(vector, vectors[j]!), vectors[j]!);
    }
    const length = Math.sqrt(dot(vector, vector));
    const scale = length > 1e-10 * before ? 1 / length : 0;
    for (let d = 0; d < vector.length; d++) vector[d]! *= scale;
  });
  return vectors;
}

function combine(basis: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const out = new Float64Array(basis[0]!.length);
  basis.forEach((vector, i) => {
    addScaled(out, weights[i]!, vector);
  });
  return out;
}

function signed(axis: Float64Array): Float64Array {
  const largest = axis.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return largest < 0 ? axis.map((value) => -value) : axis;
}

/** Jacobi's rotations for a small symmetric matrix; `vectors[i]` belongs to `values[i]`. */
function symmetricEigen(matrix: number[][]): { values: number[]; vectors: number[][] } {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p]![q] === 0) continue;
        const theta = 0.5 * Math.atan2(2 * a[p]![q]!, a[q]![q]! - a[p]![p]!);
        const [c, s] = [Math.cos(theta), Math.sin(theta)];
        for (const m of [a, v]) for (const row of m) rotate(row, p, q, c, s);
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[p]![k]!, a[q]![k]!];
          a[p]![k] = c * x - s * y;
          a[q]![k] = s * x + c * y;
        }
      }
    }
  }
  return { values: a.map((row, i) => row[i]!), vectors: a.map((_, i) => v.map((row) => row[i]!)) };
}

function rotate(row: number[], p: number, q: number, c: number, s: number): void {
  const [x, y] = [row[p]!, row[q]!];
  row[p] = c * x - s * y;
  row[q] = s * x + c * y;
}

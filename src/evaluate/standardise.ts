/** Vectors of items, [items, dimensions], row-major. */
export interface Vectors {
  data: Float32Array | Float64Array;
  dimensions: number;
}

export type Standardise = (vectors: Vectors) => Float64Array;

/**
 * The map to mean 0 and standard deviation 1 a dimension, both measured on `training` alone. A constant dimension is
 * only shifted.
 * @see scikit-learn, StandardScaler
 */
export function standardiseBy({ data, dimensions }: Vectors): Standardise {
  const items = data.length / dimensions;
  const mean = new Float64Array(dimensions);
  const variance = new Float64Array(dimensions);
  for (const [i, value] of data.entries()) mean[i % dimensions]! += value / items;
  for (const [i, value] of data.entries()) variance[i % dimensions]! += (value - mean[i % dimensions]!) ** 2 / items;
  const scale = variance.map((v, j) => {
    // What is left of a constant after rounding (Chan, Golub & LeVeque 1983), not a signal to be blown up.
    const constant = v <= items * Number.EPSILON * v + (items * mean[j]! * Number.EPSILON) ** 2;
    return constant ? 1 : 1 / Math.sqrt(v);
  });
  return (vectors) =>
    Float64Array.from(vectors.data, (value, i) => (value - mean[i % dimensions]!) * scale[i % dimensions]!);
}

import type { Vectors } from "./standardise.ts";

/**
 * An orthonormal basis of what vectors span, [rank, dimensions], by Gram–Schmidt with the longest remainder first. In
 * its coordinates a few vectors of many dimensions become a small square, with the same lengths and angles.
 */
export function spanOf({ data, dimensions }: Vectors & { data: Float64Array }): Float64Array {
  const rest = data.slice();
  const items = data.length / dimensions;
  const lengths = new Float64Array(items);
  const row = (i: number) => rest.subarray(i * dimensions, (i + 1) * dimensions);
  for (let i = 0; i < items; i++) lengths[i] = dot(row(i), row(i));
  const smallest = 1e-20 * Math.max(...lengths); // in squared length: rounding of what is spanned already
  const basis: Float64Array[] = [];
  while (basis.length < Math.min(items, dimensions)) {
    const longest = lengths.indexOf(Math.max(...lengths));
    if (!(lengths[longest]! > smallest)) break;
    const axis = row(longest).slice();
    for (const other of basis) subtract(axis, other, dot(axis, other)); // again, against rounding
    const scale = 1 / Math.sqrt(dot(axis, axis));
    for (let j = 0; j < dimensions; j++) axis[j]! *= scale;
    basis.push(axis);
    for (let i = 0; i < items; i++) {
      if (lengths[i]! <= smallest) continue;
      subtract(row(i), axis, dot(row(i), axis));
      lengths[i] = dot(row(i), row(i));
    }
    lengths[longest] = 0;
  }
  const out = new Float64Array(basis.length * dimensions);
  for (const [i, axis] of basis.entries()) out.set(axis, i * dimensions);
  return out;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}

function subtract(from: Float64Array, axis: Float64Array, times: number): void {
  for (let j = 0; j < from.length; j++) from[j]! -= times * axis[j]!;
}

import type { Vectors } from "./standardise.ts";

/**
 * The `k` items of the bank nearest to each query, nearest first, by Euclidean distance; of equally near ones the
 * first in the bank.
 *
 * @returns [queries, min(k, bank)] positions in the bank
 */
export function nearest(bank: Vectors, queries: Vectors, k: number): { positions: Int32Array; count: number } {
  const { dimensions } = bank;
  const size = bank.data.length / dimensions;
  const count = Math.min(k, size);
  const items = queries.data.length / dimensions;
  const positions = new Int32Array(items * count);
  const best = new Float64Array(count);
  for (let q = 0; q < items; q++) {
    best.fill(Number.POSITIVE_INFINITY);
    const row = positions.subarray(q * count, (q + 1) * count);
    for (let b = 0; b < size; b++) {
      let distance = 0;
      for (let j = 0; j < dimensions; j++) {
        const difference = queries.data[q * dimensions + j]! - bank.data[b * dimensions + j]!;
        distance += difference * difference;
      }
      let place = count;
      while (place > 0 && distance < best[place - 1]!) place--;
      if (place === count) continue;
      best.copyWithin(place + 1, place, count - 1);
      row.copyWithin(place + 1, place, count - 1);
      best[place] = distance;
      row[place] = b;
    }
  }
  return { positions, count };
}

/** The class most of the neighbours have, nearest first; of equally frequent ones that of the nearest. */
export function majority(labels: readonly number[]): number {
  const votes = new Map<number, number>();
  for (const label of labels) votes.set(label, (votes.get(label) ?? 0) + 1);
  const most = Math.max(...votes.values());
  return labels.find((label) => votes.get(label) === most)!;
}

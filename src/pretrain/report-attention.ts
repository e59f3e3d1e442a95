import type { PrototypeBank } from "../checkpoint/prototype-bank.ts";
import type { Location } from "../core/place.ts";
import { regionOf } from "../model/geo-context.ts";

/** What the prototypes of its region give to a place. */
export interface PlaceAttention {
  location: Location;
  region: number;
  /** What is appended to the fused features, the mean over the cells: [width]. */
  context: Float32Array;
  /** How much each prototype is looked at, the mean over the cells: [prototypes], sum 1. */
  shares: Float32Array;
}

/**
 * Softmax(F Pᵀ / √d) of one place (Guo et al. 2024, arXiv:2312.10115, §3.4), as `geoContext` computes it in the graph;
 * here for its weights, which the graph does not give.
 *
 * @param fused  [width, cells] before the context is appended; cells with NaN are left out.
 */
export function attentionOf(
  { prototypes, shape: [, count, width], grid }: PrototypeBank,
  fused: Float32Array,
  location: Location,
): PlaceAttention {
  const region = regionOf(location, grid);
  const own = prototypes.subarray(region * count * width, (region + 1) * count * width);
  const cells = fused.length / width;
  const shares = new Float32Array(count);
  let valid = 0;
  for (let cell = 0; cell < cells; cell++) {
    if (Number.isNaN(fused[cell])) continue;
    valid++;
    const scores = Array.from({ length: count }, (_, k) => {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += fused[j * cells + cell]! * own[k * width + j]!;
      return sum / Math.sqrt(width);
    });
    const top = Math.max(...scores);
    const exps = scores.map((score) => Math.exp(score - top));
    const total = exps.reduce((a, b) => a + b, 0);
    for (let k = 0; k < count; k++) shares[k]! += exps[k]! / total;
  }
  for (let k = 0; k < count; k++) shares[k]! /= valid;
  const context = new Float32Array(width);
  for (let k = 0; k < count; k++) {
    for (let j = 0; j < width; j++) context[j]! += shares[k]! * own[k * width + j]!;
  }
  return { location, region, context, shares };
}

/** As how many equally watched prototypes: e to the entropy, from 1 to all of them. */
export function watched(shares: ArrayLike<number>): number {
  return Math.exp(-Array.from(shares).reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0));
}

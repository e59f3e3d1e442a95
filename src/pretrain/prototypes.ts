import { createRandom } from "../core/random.ts";
import { add } from "../graph/ops/add.ts";
import { argMax } from "../graph/ops/arg-max.ts";
import { atLeast } from "../graph/ops/clip.ts";
import { div } from "../graph/ops/div.ts";
import { gather } from "../graph/ops/gather.ts";
import { greater } from "../graph/ops/greater.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { norm, sum } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { stopGradient } from "../graph/ops/stop-gradient.ts";
import { sub } from "../graph/ops/sub.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { constant, indices, scalar, type Tensor } from "../graph/tensor.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import { unit } from "../train/losses/cosine.ts";
import { sinkhorn } from "./sinkhorn.ts";

const epsilon = 0.05;
/** The old prototypes keep at most this share: later features of a region always count. */
const mostInertia = 0.99;
/** A prototype that fewer cells than this were assigned to stays as it is. */
const leastMass = 1e-6;
/** Deviation of each channel of a first prototype, at length one, from the cell that it is taken from. */
const firstNoise = 0.01;

/** How often each region's prototypes were learnt from; undefined: the model has no geo-context. */
export function initVisits({ geoContext }: Pick<SkySenseConfig, "geoContext">) {
  const initial = { kind: "constant", value: 0 } as const;
  return geoContext && { shape: [geoContext.grid ** 2], initial, buffer: true };
}

/**
 * New prototypes of regions from the fused features of a batch (Guo et al. 2024, arXiv:2312.10115, §3.4): cells are
 * assigned to their region's prototypes by Sinkhorn–Knopp of the cosines (ε = 0.05), place by place; prototype j moves
 * to the mean of its cells, P ← m P + (1 − m) P̄.
 *
 * Prototypes are as long as the features are: the attention to them, softmax(F Pᵀ/√d), would be nearly uniform if they
 * had length one.
 *
 * Not in the paper: m = min(0.99, n / (n + k)) after n earlier visits, with k places in this batch, is the plain mean
 * over the visits until a hundred; a constant would leave rarely seen regions at their random start. A region's first
 * prototypes are cells of its first place, evenly spaced, with a fixed noise that tells them apart: random enough, as
 * orientations are, and the same in every run.
 *
 * @param inputs.bank  [regions, prototypes, width].
 * @param inputs.visits  [regions]: how many places were learnt from.
 * @param inputs.fused  [B, cells, width].
 * @param inputs.region  [B, regions]: 1 at the place's region; no 1 where the location is unknown.
 * @param inputs.valid  [B, cells]: 0 for cells without a valid pixel, from which nothing is learnt. Default: all are.
 * @returns New values; regions without a place keep theirs. No gradient passes.
 */
export function updatePrototypes(inputs: {
  bank: Tensor;
  visits: Tensor;
  fused: Tensor;
  region: Tensor;
  valid?: Tensor;
}): {
  bank: Tensor;
  visits: Tensor;
} {
  const visits = stopGradient(inputs.visits);
  const { cells, region, valid } = onlyValid(inputs);
  const [regions, prototypes, width] = inputs.bank.shape as [number, number, number];
  const places = region.shape[0]!;
  const flat = prototypes * width;

  const count = sum(region, { axes: [0] });
  const isNew = mul(greater(scalar(1), visits), greater(count, scalar(0)));
  const first = sub(firstPrototypes(cells, region, prototypes), inputs.bank);
  const bank = stopGradient(add(inputs.bank, mul(reshape(isNew, [regions, 1, 1]), first)));

  const own = reshape(matMul(region, reshape(bank, [regions, flat])), [places, prototypes, width]);
  const cosines = matMul(unit(cells), transpose(unit(own), [0, 2, 1]));
  const balanced = sinkhorn(cosines, { epsilon, weight: valid });
  const assignment = valid === undefined ? balanced : mul(balanced, reshape(valid, [...valid.shape, 1]));
  const sums = matMul(transpose(assignment, [0, 2, 1]), cells);
  const toRegions = transpose(region, [1, 0]);
  const total = reshape(matMul(toRegions, reshape(sums, [places, flat])), [regions, prototypes, width]);
  const mass = reshape(matMul(toRegions, sum(assignment, { axes: [1] })), [regions, prototypes, 1]);

  const share = atLeast(div(count, atLeast(add(visits, count), 1)), 1 - mostInertia);
  const step = mul(sub(div(total, atLeast(mass, leastMass)), bank), reshape(share, [regions, 1, 1]));
  const changed = mul(step, greater(mass, scalar(leastMass)));
  return { bank: stopGradient(add(bank, changed)), visits: add(visits, count) };
}

/** Cells that are not valid hold the mean of those that are; places without any are in no region. */
function onlyValid(inputs: { fused: Tensor; region: Tensor; valid?: Tensor }) {
  const [fused, region] = [inputs.fused, inputs.region].map(stopGradient) as [Tensor, Tensor];
  if (inputs.valid === undefined) return { cells: fused, region, valid: undefined };
  const valid = stopGradient(inputs.valid);
  const share = reshape(valid, [...valid.shape, 1]);
  const count = sum(share, { axes: [1], keepDims: true });
  const average = div(sum(mul(fused, share), { axes: [1], keepDims: true }), atLeast(count, 1));
  const cells = add(mul(fused, share), mul(average, sub(scalar(1), share)));
  const any = greater(sum(valid, { axes: [1], keepDims: true }), scalar(0));
  return { cells, region: mul(region, any), valid };
}

/** For each region cells of the first place there, [regions, prototypes, width]; anything where there is none. */
function firstPrototypes(cells: Tensor, region: Tensor, prototypes: number): Tensor {
  const [, count, width] = cells.shape as [unknown, number, number];
  const spaced = Array.from({ length: prototypes }, (_, j) => Math.floor(((j + 0.5) * count) / prototypes));
  const random = createRandom(0, "first prototypes");
  const noise = Array.from({ length: prototypes * width }, () => firstNoise * random.normal());
  const chosen = gather(cells, indices(spaced), { axis: 1 });
  const turned = unit(add(unit(chosen), constant(noise, [prototypes, width])));
  const first = mul(turned, norm(chosen, { axes: [2], keepDims: true }));
  return gather(first, argMax(transpose(region, [1, 0])));
}

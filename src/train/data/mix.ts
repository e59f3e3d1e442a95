import type { Random } from "../../core/random.ts";

export interface MixOptions {
  /** Share of the pairs that are mixed. Default 1. */
  probability?: number;
  /** α of MixUp's Beta(α, α), up to about 4. Absent: no MixUp. */
  mixUp?: number;
  /** α of CutMix's Beta(α, α). Absent: no CutMix. With both, each is taken half of the time. */
  cutMix?: number;
}

/** How two samples become each other's partner. */
export type Mix =
  | { kind: "mixUp"; own: number }
  /** A box of [top, left, height, width], as shares of the image's sides. */
  | { kind: "cutMix"; box: readonly [top: number, left: number, height: number, width: number] };

/** Draw how a pair is mixed; undefined: not at all. */
export function chooseMix({ probability = 1, mixUp, cutMix }: MixOptions, random: Random): Mix | undefined {
  if (random.uniform() >= probability) return undefined;
  const cut = mixUp === undefined || (cutMix !== undefined && random.uniform() < 0.5);
  const alpha = cut ? cutMix : mixUp;
  if (alpha === undefined) return undefined;
  const own = beta(alpha, random);
  if (!cut) return { kind: "mixUp", own };
  const side = Math.sqrt(1 - own);
  const [top, bottom] = interval(random.uniform(), side);
  const [left, right] = interval(random.uniform(), side);
  return { kind: "cutMix", box: [top, left, bottom - top, right - left] };
}

/** Around a centre, cut to 0…1. */
function interval(centre: number, side: number): [from: number, to: number] {
  return [Math.max(0, centre - side / 2), Math.min(1, centre + side / 2)];
}

/**
 * Mix two samples into each other, in place: a ← λa + (1 − λ)b and b ← λb + (1 − λ)a (MixUp, Zhang et al. 2018,
 * arXiv:1710.09412), or a box of one goes into the other (CutMix, Yun et al. 2019, arXiv:1905.04899).
 *
 * @param a, b  images [planes, side, side]
 * @returns λ, the weight of a sample's own labels: for CutMix the share of the pixels outside of the box
 */
export function mixImages(a: Float32Array, b: Float32Array, side: number, mix: Mix): number {
  if (mix.kind === "mixUp") {
    blend(a, b, mix.own);
    return mix.own;
  }
  const [top, left, height, width] = mix.box.map((share) => share * side) as [number, number, number, number];
  const [firstRow, lastRow] = [Math.round(top), Math.round(top + height)];
  const [firstColumn, lastColumn] = [Math.round(left), Math.round(left + width)];
  for (let at = 0; at < a.length; at += side * side) {
    for (let row = firstRow; row < lastRow; row++) {
      const [from, to] = [at + row * side + firstColumn, at + row * side + lastColumn];
      const own = a.slice(from, to);
      a.set(b.subarray(from, to), from);
      b.set(own, from);
    }
  }
  return 1 - ((lastRow - firstRow) * (lastColumn - firstColumn)) / (side * side);
}

/** a ← λa + (1 − λ)b, b ← λb + (1 − λ)a, in place. */
export function blend(a: Float32Array, b: Float32Array, own: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = own * x + (1 - own) * y;
    b[i] = own * y + (1 - own) * x;
  }
}

/** Beta(α, α) (Jöhnk 1964): X / (X + Y) with X = U^(1/α), Y = V^(1/α), drawn until X + Y ≤ 1. */
function beta(alpha: number, random: Random): number {
  while (true) {
    const [x, y] = [random.uniform() ** (1 / alpha), random.uniform() ** (1 / alpha)];
    // For small α both may underflow to 0.
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}

import type { Boxes, ImageSize } from "./boxes.ts";

/** How differences between boxes are scaled for a network (mmdet's `DeltaXYWHBBoxCoder`, specification §6.1). */
export interface DeltaScale {
  means: readonly number[];
  stds: readonly number[];
}

/** |ln(16/1000)|: a box changes its side by this factor of e at most. */
export const maxLogRatio = Math.abs(Math.log(16 / 1000));

/** dx = (gx − px)/pw, dy likewise, dw = ln(gw/pw), dh likewise, from box i of `from` to box i of `to`: [n, 4]. */
export function encodeDeltas(from: Boxes, to: Boxes, { means, stds }: DeltaScale): Float32Array<ArrayBuffer> {
  const out = new Float32Array(from.length);
  for (let k = 0; k < from.length; k += 4) {
    for (let axis = 0; axis < 2; axis++) {
      const [p0, p1] = [from[k + axis]!, from[k + axis + 2]!];
      const [g0, g1] = [to[k + axis]!, to[k + axis + 2]!];
      const shift = ((g0 + g1) / 2 - (p0 + p1) / 2) / (p1 - p0);
      out[k + axis] = (shift - means[axis]!) / stds[axis]!;
      out[k + axis + 2] = (Math.log((g1 - g0) / (p1 - p0)) - means[axis + 2]!) / stds[axis + 2]!;
    }
  }
  return out;
}

/**
 * The inverse of {@link encodeDeltas}: boxes [n, 4] moved by deltas [n, 4·k] → [n, 4·k].
 *
 * @param options.clip  Boxes are cut to [0, width] × [0, height].
 */
export function decodeDeltas(
  boxes: Boxes,
  deltas: Float32Array,
  { means, stds, clip }: DeltaScale & { clip?: ImageSize | undefined },
): Boxes {
  const out = new Float32Array(deltas.length);
  const perBox = deltas.length / (boxes.length / 4 || 1);
  for (let k = 0; k < deltas.length; k += 4) {
    const box = Math.floor(k / perBox) * 4;
    for (let axis = 0; axis < 2; axis++) {
      const [p0, p1] = [boxes[box + axis]!, boxes[box + axis + 2]!];
      const shift = deltas[k + axis]! * stds[axis]! + means[axis]!;
      const growth = deltas[k + axis + 2]! * stds[axis + 2]! + means[axis + 2]!;
      const centre = (p0 + p1) / 2 + (p1 - p0) * shift;
      const half = ((p1 - p0) * Math.exp(Math.min(Math.max(growth, -maxLogRatio), maxLogRatio))) / 2;
      const limit = clip === undefined ? Number.POSITIVE_INFINITY : clip[1 - axis]!;
      const inside = (v: number) => (clip === undefined ? v : Math.min(Math.max(v, 0), limit));
      out[k + axis] = inside(centre - half);
      out[k + axis + 2] = inside(centre + half);
    }
  }
  return out;
}

import { type DeltaScale, maxLogRatio } from "../delta-coder.ts";
import { halfTurn, type RotatedBoxes } from "./rotated-boxes.ts";

/**
 * Differences between oriented boxes (mmrotate's `DeltaXYWHAOBBoxCoder` with edge swap and projected centres): the
 * shift along the first box's own axes in its sides, logarithms of the sides' ratios, and the angle. Which side of the
 * second box answers to which of the first is chosen so that the angle is small.
 *
 * @param from  [n, 5].
 * @param to  [n, 5].
 * @returns dx, dy, dw, dh, da: [n, 5].
 */
export function encodeRotated(
  from: RotatedBoxes,
  to: RotatedBoxes,
  { means, stds }: DeltaScale,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(from.length);
  for (let k = 0; k < from.length; k += 5) {
    const [px, py, pw, ph, pa] = rowOf(from, k);
    const [gx, gy, gw, gh, ga] = rowOf(to, k);
    const [cos, sin] = [Math.cos(pa), Math.sin(pa)];
    const straight = halfTurn(ga - pa);
    const swapped = halfTurn(ga - pa + Math.PI / 2);
    const keep = Math.abs(straight) < Math.abs(swapped);
    const deltas = [
      (cos * (gx - px) + sin * (gy - py)) / pw,
      (-sin * (gx - px) + cos * (gy - py)) / ph,
      Math.log((keep ? gw : gh) / pw),
      Math.log((keep ? gh : gw) / ph),
      keep ? straight : swapped,
    ];
    out.set(
      deltas.map((d, i) => (d - means[i]!) / stds[i]!),
      k,
    );
  }
  return out;
}

/** The inverse of {@link encodeRotated}: boxes [n, 5] moved by deltas [n, 5·k] → [n, 5·k], long sides first. */
export function decodeRotated(boxes: RotatedBoxes, deltas: Float32Array, { means, stds }: DeltaScale): RotatedBoxes {
  const out = new Float32Array(deltas.length);
  const perBox = deltas.length / (boxes.length / 5 || 1);
  for (let k = 0; k < deltas.length; k += 5) {
    const [px, py, pw, ph, pa] = rowOf(boxes, Math.floor(k / perBox) * 5);
    const [dx, dy, dw, dh, da] = Array.from(rowOf(deltas, k), (d, i) => d * stds[i]! + means[i]!) as Row;
    const [cos, sin] = [Math.cos(pa), Math.sin(pa)];
    const grow = (side: number, d: number) => side * Math.exp(Math.min(Math.max(d, -maxLogRatio), maxLogRatio));
    const [w, h] = [grow(pw, dw), grow(ph, dh)];
    const angle = halfTurn(pa + da);
    out.set(
      [
        px + dx * pw * cos - dy * ph * sin,
        py + dx * pw * sin + dy * ph * cos,
        Math.max(w, h),
        Math.min(w, h),
        w > h ? angle : halfTurn(angle + Math.PI / 2),
      ],
      k,
    );
  }
  return out;
}

type Row = [number, number, number, number, number];

function rowOf(rows: Float32Array, k: number): Row {
  return Array.from(rows.subarray(k, k + 5)) as Row;
}

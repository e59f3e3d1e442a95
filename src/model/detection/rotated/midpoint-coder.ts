import type { Boxes } from "../boxes.ts";
import { type DeltaScale, maxLogRatio } from "../delta-coder.ts";
import { corners, type RotatedBoxes, rectangleOf, toHorizontal } from "./rotated-boxes.ts";

/** Corners nearer to an extreme than this, in pixels, count as lying on it. */
const onExtreme = 0.1;

/**
 * Oriented boxes as moves of horizontal ones (Oriented R-CNN, Xie et al. 2021, arXiv:2108.05699; mmrotate's
 * `MidpointOffsetCoder`): dx, dy, dw, dh of the box around it, da where its top corner is from the middle of the upper
 * side, in widths, and db where its right corner is from the middle of the right side, in heights.
 *
 * @param from  Boxes [n, 4].
 * @param to  Oriented boxes [n, 5].
 * @returns [n, 6].
 */
export function encodeMidpoints(
  from: Boxes,
  to: RotatedBoxes,
  { means, stds }: DeltaScale,
): Float32Array<ArrayBuffer> {
  const around = toHorizontal(to);
  const out = new Float32Array((from.length / 4) * 6);
  for (let i = 0; i < from.length / 4; i++) {
    const [p, g] = [sides(from, i), sides(around, i)];
    const points = corners(to, 5 * i).map(Math.fround);
    const xs = points.filter((_, k) => k % 2 === 0);
    const ys = points.filter((_, k) => k % 2 === 1);
    const [top, right] = [Math.min(...ys), Math.max(...xs)];
    // Of two corners on the extreme the one further right, or further down.
    const a = Math.max(...xs.filter((_, k) => Math.abs(ys[k]! - top) <= onExtreme));
    const b = Math.max(...ys.filter((_, k) => Math.abs(xs[k]! - right) <= onExtreme));
    const deltas = [
      (g.x - p.x) / p.w,
      (g.y - p.y) / p.h,
      Math.log(g.w / p.w),
      Math.log(g.h / p.h),
      (a - g.x) / g.w,
      (b - g.y) / g.h,
    ];
    out.set(
      deltas.map((d, k) => (d - means[k]!) / stds[k]!),
      6 * i,
    );
  }
  return out;
}

/**
 * The inverse of {@link encodeMidpoints}. The four midpoints' offsets make a parallelogram; its shorter diagonal is
 * stretched to the length of the longer one, which makes it a rectangle.
 *
 * @param boxes  [n, 4].
 * @param deltas  [n, 6].
 * @returns [n, 5].
 */
export function decodeMidpoints(boxes: Boxes, deltas: Float32Array, { means, stds }: DeltaScale): RotatedBoxes {
  const out = new Float32Array((boxes.length / 4) * 5);
  for (let i = 0; i < boxes.length / 4; i++) {
    const p = sides(boxes, i);
    const d = Array.from({ length: 6 }, (_, k) => deltas[6 * i + k]! * stds[k]! + means[k]!);
    const w = p.w * Math.exp(clamp(d[2]!, maxLogRatio));
    const h = p.h * Math.exp(clamp(d[3]!, maxLogRatio));
    const [x, y] = [p.x + p.w * d[0]!, p.y + p.h * d[1]!];
    // From the centre: the top and the right corner, and those opposite.
    const top = [clamp(d[4]!, 0.5) * w, -h / 2] as const;
    const right = [w / 2, clamp(d[5]!, 0.5) * h] as const;
    const longest = Math.max(Math.hypot(...top), Math.hypot(...right));
    const [u, v] = [top, right].map(([dx, dy]) => {
      const stretch = longest / Math.hypot(dx, dy);
      return [dx * stretch, dy * stretch] as const;
    }) as [readonly [number, number], readonly [number, number]];
    const polygon = [x + u[0], y + u[1], x + v[0], y + v[1], x - u[0], y - u[1], x - v[0], y - v[1]];
    out.set(rectangleOf(polygon), 5 * i);
  }
  return out;
}

function sides(boxes: Boxes, i: number) {
  const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
  return { x: (x1 + x2) / 2, y: (y1 + y2) / 2, w: x2 - x1, h: y2 - y1 };
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, -limit), limit);
}

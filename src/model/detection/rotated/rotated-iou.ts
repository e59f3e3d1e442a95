import { cutRing, ringArea } from "../../../core/polygon.ts";
import { byScore, suppress } from "../nms.ts";
import { corners, type RotatedBoxes } from "./rotated-boxes.ts";

/**
 * Intersection over union of every pair of oriented boxes, in double precision: [n, 5], [m, 5] → [n, m]. The
 * intersection is one rectangle cut by the four sides of the other (Sutherland and Hodgman 1974).
 */
export function rotatedIou(a: RotatedBoxes, b: RotatedBoxes): Float64Array<ArrayBuffer> {
  const [n, m] = [a.length / 5, b.length / 5];
  const out = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) out[i * m + j] = pairIou(a, i, b, j);
  }
  return out;
}

/** {@link rotatedIou} of box i of `a` and box j of `b`; 0 where one has no area. */
export function pairIou(a: RotatedBoxes, i: number, b: RotatedBoxes, j: number): number {
  const [p, q] = [5 * i, 5 * j];
  const areaA = a[p + 2]! * a[p + 3]!;
  const areaB = b[q + 2]! * b[q + 3]!;
  if (!(areaA > 0 && areaB > 0)) return 0;
  // Around the middle of the two, so that far from the origin no digits are lost.
  const [x, y] = [(a[p]! + b[q]!) / 2, (a[p + 1]! + b[q + 1]!) / 2];
  const reach = (Math.hypot(a[p + 2]!, a[p + 3]!) + Math.hypot(b[q + 2]!, b[q + 3]!)) / 2;
  if (Math.hypot(a[p]! - b[q]!, a[p + 1]! - b[q + 1]!) >= reach) return 0;
  const around = (box: RotatedBoxes, k: number) =>
    corners([box[k]! - x, box[k + 1]! - y, box[k + 2]!, box[k + 3]!, box[k + 4]!]);
  const shared = Math.min(ringArea(clip(around(a, p), around(b, q))), areaA, areaB);
  return shared / (areaA + areaB - shared);
}

/** The part of a convex polygon inside of a rectangle, both clockwise in the image. */
function clip(subject: readonly number[], window: readonly number[]): readonly number[] {
  let points = subject;
  for (let k = 0; k < 8 && points.length > 0; k += 2) {
    const [x, y] = [window[k]!, window[k + 1]!];
    const [dx, dy] = [window[(k + 2) % 8]! - x, window[(k + 3) % 8]! - y];
    points = cutRing(points, (px, py) => dx * (py - y) - dy * (px - x));
  }
  return points;
}

/**
 * Non-maximum suppression of oriented boxes: unlike that of horizontal ones, an overlap **equal to** `iou` suppresses.
 *
 * @param options.groups  Boxes of different groups (classes) do not suppress each other.
 * @param options.most  How many to keep; default: all.
 * @returns Positions of the kept by falling score.
 */
export function rotatedNms(
  boxes: RotatedBoxes,
  scores: Float32Array,
  { iou, groups, most }: { iou: number; groups?: ArrayLike<number | bigint> | undefined; most?: number },
): number[] {
  const covers = (a: number, b: number) => {
    if (groups !== undefined && groups[a] !== groups[b]) return false;
    return pairIou(boxes, a, boxes, b) >= iou;
  };
  return suppress(byScore(scores), covers, most);
}

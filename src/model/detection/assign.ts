import { type Boxes, boxIou } from "./boxes.ts";

/** Which overlaps make a box an example of an object, and which of the background (mmdet's `MaxIoUAssigner`). */
export interface AssignOptions {
  /** From this overlap on a box stands for the object that it overlaps most. */
  positive: number;
  /** Below this overlap with every object it is background; between the two it is left out. */
  negative: number;
  /**
   * Every object also gets the boxes that overlap it most, all that tie, if the overlap is at least this; of two
   * objects with the same best box the later one gets it. Undefined: not.
   */
  best?: number | undefined;
}

export interface Assignment {
  /** For each box: −1 left out, 0 background, i > 0 the object i − 1. */
  objects: Int32Array<ArrayBuffer>;
  /** Largest overlap of each box with any object. */
  overlaps: Float32Array<ArrayBuffer>;
}

/** Assign boxes [n, 4] to objects [m, 4] (specification §6.2). */
export function assignBoxes(boxes: Boxes, objects: Boxes, options: AssignOptions): Assignment {
  return assignOverlaps(boxIou(objects, boxes), boxes.length / 4, options);
}

/** Assign n boxes to m objects by their overlaps [m, n]. */
export function assignOverlaps(
  iou: Float32Array,
  n: number,
  { positive, negative, best }: AssignOptions,
): Assignment {
  const m = n === 0 ? 0 : iou.length / n;
  const assigned = new Int32Array(n).fill(-1);
  const overlaps = new Float32Array(n);
  const [high, low] = [Math.fround(positive), Math.fround(negative)];
  for (let i = 0; i < n; i++) {
    let nearest = 0;
    for (let k = 1; k < m; k++) if (iou[k * n + i]! > iou[nearest * n + i]!) nearest = k;
    overlaps[i] = m === 0 ? 0 : iou[nearest * n + i]!;
    if (overlaps[i]! < low || m === 0) assigned[i] = 0;
    if (m > 0 && overlaps[i]! >= high) assigned[i] = nearest + 1;
  }
  if (best !== undefined) addBest(assigned, iou, { n, m, least: Math.fround(best) });
  return { objects: assigned, overlaps };
}

function addBest(
  assigned: Int32Array,
  iou: Float32Array,
  { n, m, least }: { n: number; m: number; least: number },
): void {
  for (let k = 0; k < m; k++) {
    const row = iou.subarray(k * n, (k + 1) * n);
    const top = row.reduce((a, b) => Math.max(a, b), 0);
    if (top < least) continue;
    for (let i = 0; i < n; i++) if (row[i] === top) assigned[i] = k + 1;
  }
}

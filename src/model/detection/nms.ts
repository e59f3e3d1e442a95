import { type Boxes, boxArea, intersection } from "./boxes.ts";

/** Positions by falling score; equal scores keep their order. */
export function byScore(scores: Float32Array): Int32Array {
  return Int32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
}

/**
 * Non-maximum suppression: going down the scores, what is kept suppresses everything below that `covers` says.
 *
 * @param order  Candidates by falling score.
 * @param most  How many to keep.
 * @returns Those kept, in that order.
 */
export function suppress(
  order: Int32Array,
  covers: (kept: number, other: number) => boolean,
  most = Number.POSITIVE_INFINITY,
): number[] {
  const gone = new Uint8Array(order.length);
  const kept: number[] = [];
  for (let a = 0; a < order.length && kept.length < most; a++) {
    if (gone[a] === 1) continue;
    const winner = order[a]!;
    kept.push(winner);
    for (let b = a + 1; b < order.length; b++) {
      if (gone[b] === 0 && covers(winner, order[b]!)) gone[b] = 1;
    }
  }
  return kept;
}

/**
 * Suppression of boxes whose intersection over union is **above** `iou` (oriented boxes: not below, see rotated-nms).
 *
 * @param options.groups  Boxes of different groups (classes, levels) do not suppress each other.
 * @param options.most  How many to keep; default: all.
 * @returns Positions of the kept by falling score.
 */
export function nms(
  boxes: Boxes,
  scores: Float32Array,
  { iou, groups, most }: { iou: number; groups?: ArrayLike<number | bigint> | undefined; most?: number },
): number[] {
  const areas = Float32Array.from(scores, (_, i) => boxArea(boxes, i));
  const covers = (a: number, b: number) => {
    if (groups !== undefined && groups[a] !== groups[b]) return false;
    const shared = intersection(boxes, a, boxes, b);
    return Math.fround(shared / Math.fround(Math.fround(areas[a]! + areas[b]!) - shared)) > iou;
  };
  return suppress(byScore(scores), covers, most);
}

import { type Boxes, boxIou } from "../model/detection/boxes.ts";
import { byScore } from "../model/detection/nms.ts";
import type { RotatedBoxes } from "../model/detection/rotated/rotated-boxes.ts";
import { rotatedIou } from "../model/detection/rotated/rotated-iou.ts";

/** Objects of one image, and what was found on it. Boxes are [n, 4], or [n, 5] with an angle. */
export interface BoxImage {
  truth: {
    boxes: Float32Array<ArrayBuffer>;
    labels: ArrayLike<number>;
    /** Difficult: whoever finds it is neither right nor wrong. */
    ignored?: ArrayLike<boolean | number> | undefined;
  };
  found: { boxes: Float32Array<ArrayBuffer>; labels: ArrayLike<number>; scores: Float32Array };
}

export interface MatchOptions {
  /** Boxes have an angle. */
  oriented: boolean;
  /**
   * Which object a detection stands for. `voc`: the one that it overlaps most, taken or not; `coco`: the one that it
   * overlaps most of those that nobody took, difficult ones last.
   */
  rule: "voc" | "coco";
  /** Least overlap; an overlap equal to it suffices. (Some kits of VOC and DOTA ask for more.) */
  iou: number;
  /** Detections of a class in an image that count, the best first; default: all. */
  perImage?: number | undefined;
}

/** Detections of one class over all images, by falling score; of equal scores the earlier image first. */
export interface ClassMatches {
  scores: Float32Array<ArrayBuffer>;
  /** Number of the image of each. */
  images: Int32Array<ArrayBuffer>;
  /** 1 right, 0 wrong, −1 neither. */
  outcomes: Int8Array<ArrayBuffer>;
  /** Objects that count, by image. */
  truths: Int32Array<ArrayBuffer>;
}

/** Overlaps are float32: 7 of 10 cells are below the number 0.7. */
const slack = 1e-6;

type Outcome = -1 | 0 | 1;

/** Decide of every detection of a class whether it is right (COCO and PASCAL VOC development kits). */
export function matchClass(images: readonly BoxImage[], label: number, options: MatchOptions): ClassMatches {
  const all: { score: number; image: number; outcome: Outcome }[] = [];
  const truths = new Int32Array(images.length);
  for (const [image, { truth, found }] of images.entries()) {
    const objects = positionsOf(truth.labels, label);
    const ignored = objects.map((i) => Boolean(truth.ignored?.[i]));
    truths[image] = ignored.filter((flag) => !flag).length;
    const own = positionsOf(found.labels, label);
    const order = byScore(Float32Array.from(own, (i) => found.scores[i]!)).subarray(0, options.perImage);
    const best = Array.from(order, (k) => own[k]!);
    const outcomes = decide(overlapsOf(best, objects, images[image]!, options.oriented), ignored, options);
    for (const [k, i] of best.entries()) all.push({ score: found.scores[i]!, image, outcome: outcomes[k]! });
  }
  const order = byScore(Float32Array.from(all, ({ score }) => score));
  return {
    scores: Float32Array.from(order, (k) => all[k]!.score),
    images: Int32Array.from(order, (k) => all[k]!.image),
    outcomes: Int8Array.from(order, (k) => all[k]!.outcome),
    truths,
  };
}

function positionsOf(labels: ArrayLike<number>, label: number): number[] {
  return Array.from(labels, (own, i) => (own === label ? i : -1)).filter((i) => i >= 0);
}

/** Rows: detections; columns: objects. */
function overlapsOf(
  found: readonly number[],
  objects: readonly number[],
  image: BoxImage,
  oriented: boolean,
): ArrayLike<number>[] {
  const width = oriented ? 5 : 4;
  const pick = (boxes: Float32Array, rows: readonly number[]): Boxes & RotatedBoxes =>
    Float32Array.from(rows.flatMap((i) => [...boxes.subarray(i * width, (i + 1) * width)]));
  const [a, b] = [pick(image.found.boxes, found), pick(image.truth.boxes, objects)];
  const all = oriented ? rotatedIou(a, b) : boxIou(a, b);
  return found.map((_, i) => all.subarray(i * objects.length, (i + 1) * objects.length));
}

/** Outcomes of one image's detections, given by falling score. */
function decide(
  overlaps: readonly ArrayLike<number>[],
  ignored: readonly boolean[],
  { rule, iou }: MatchOptions,
): Outcome[] {
  const taken = ignored.map(() => false);
  // COCO looks at difficult objects last.
  const order = [...ignored.keys()].sort((a, b) => Number(ignored[a]) - Number(ignored[b]) || a - b);
  return overlaps.map((row) => {
    const object = rule === "voc" ? largest(row) : freeOf(row, { order, taken, ignored, iou });
    if (object === undefined || row[object]! < iou - slack) return 0;
    if (rule === "voc" && ignored[object]) return -1;
    if (taken[object]) return 0;
    taken[object] = true;
    return ignored[object] ? -1 : 1;
  });
}

function largest(row: ArrayLike<number>): number | undefined {
  let best: number | undefined;
  for (let k = 0; k < row.length; k++) if (best === undefined || row[k]! > row[best]!) best = k;
  return best;
}

/** The free object with the largest overlap that suffices, of equal ones the last; a difficult one only for want of others. */
function freeOf(
  row: ArrayLike<number>,
  {
    order,
    taken,
    ignored,
    iou,
  }: { order: readonly number[]; taken: boolean[]; ignored: readonly boolean[]; iou: number },
): number | undefined {
  let best: number | undefined;
  let least = iou - slack;
  for (const k of order) {
    if (best !== undefined && !ignored[best] && ignored[k]) break;
    if (taken[k] || row[k]! < least) continue;
    best = k;
    least = row[k]!;
  }
  return best;
}

import { rectangleOf, toPolygons } from "../../model/detection/rotated/rotated-boxes.ts";
import type { Crop } from "../../train/data/geometry.ts";

/** Objects of one image. */
export interface Objects {
  /** [n, 4] pixels, or [n, 5] with an angle. */
  boxes: Float32Array<ArrayBuffer>;
  /** [n]. */
  labels: Int32Array<ArrayBuffer>;
}

/** Objects of which less than this share of the area is left are no objects any more. */
const leastShare = 0.4;
/** Nor are those with a shorter side than this, in pixels of the crop. */
const leastSide = 2;

/**
 * Boxes in a crop of their image that was turned and brought to a square of `size`: as the pixels went.
 * Boxes are cut at the crop's border; what is mostly outside is left out.
 */
export function cropBoxes({ boxes, labels }: Objects, crop: Crop, size: number): Objects {
  const kept: number[] = [];
  const out: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    const [u1, u2] = [(x1 - crop.left) / crop.width, (x2 - crop.left) / crop.width];
    const [v1, v2] = [(y1 - crop.top) / crop.height, (y2 - crop.top) / crop.height];
    const inside = [unit(u1), unit(v1), unit(u2), unit(v2)] as const;
    const left = (inside[2] - inside[0]) * (inside[3] - inside[1]);
    if (left < leastShare * (u2 - u1) * (v2 - v1)) continue;
    const turned = turn(inside, crop).map((v) => v * size) as [number, number, number, number];
    if (Math.min(turned[2] - turned[0], turned[3] - turned[1]) < leastSide) continue;
    kept.push(labels[i]!);
    out.push(...turned);
  }
  return { boxes: Float32Array.from(out), labels: Int32Array.from(kept) };
}

/**
 * {@link cropBoxes} of oriented boxes [n, 5]: those whose centre lies in the crop, which may stick out of it.
 */
export function cropOriented({ boxes, labels }: Objects, crop: Crop, size: number): Objects {
  const polygons = toPolygons(boxes);
  const kept: number[] = [];
  const out: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    const inside = (v: number, from: number, length: number) => v >= from && v < from + length;
    const [x, y] = [boxes[5 * i]!, boxes[5 * i + 1]!];
    if (!inside(x, crop.left, crop.width) || !inside(y, crop.top, crop.height)) continue;
    const corners = [0, 2, 4, 6].flatMap((k) => {
      const [u, v] = [polygons[8 * i + k]!, polygons[8 * i + k + 1]!];
      const [px, py] = [(u - crop.left) / crop.width, (v - crop.top) / crop.height];
      const [a, b] = turn([px, py, px, py], crop);
      return [a * size, b * size];
    });
    const box = rectangleOf(corners);
    if (box[3]! < leastSide) continue;
    kept.push(labels[i]!);
    out.push(...box);
  }
  return { boxes: Float32Array.from(out), labels: Int32Array.from(kept) };
}

type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** First rows and columns change places, then they run backwards. */
function turn([x1, y1, x2, y2]: Box, { transpose, flipRows, flipColumns }: Crop): Box {
  const [a1, b1, a2, b2] = transpose ? [y1, x1, y2, x2] : [x1, y1, x2, y2];
  const [left, right] = flipColumns ? [1 - a2, 1 - a1] : [a1, a2];
  const [top, bottom] = flipRows ? [1 - b2, 1 - b1] : [b1, b2];
  return [left, top, right, bottom];
}

function unit(v: number): number {
  return Math.min(Math.max(v, 0), 1);
}

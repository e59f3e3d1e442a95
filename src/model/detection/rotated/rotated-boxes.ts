import type { Boxes } from "../boxes.ts";

/**
 * Oriented boxes cx, cy, w, h, angle, one after the other: pixels, radians clockwise in the image (y points down),
 * w ≥ h and the angle in [−π/2, π/2) (mmrotate's "le90", specification §6.3).
 */
export type RotatedBoxes = Float32Array<ArrayBuffer>;

/** Quadrilaterals x₁, y₁ … x₄, y₄, one after the other. */
export type Polygons = Float32Array<ArrayBuffer>;

/** The angle that differs by a multiple of π and lies in [−π/2, π/2). */
export function halfTurn(angle: number): number {
  return angle - Math.floor((angle + Math.PI / 2) / Math.PI) * Math.PI;
}

/** Corners x, y in double precision, clockwise in the image; of an unturned box from its upper left one. */
export function corners(box: ArrayLike<number>, offset = 0): number[] {
  const [cx, cy, w, h, angle] = [0, 1, 2, 3, 4].map((k) => box[offset + k]!) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [ax, ay, bx, by] = [(w / 2) * cos, (w / 2) * sin, (-h / 2) * sin, (h / 2) * cos];
  return [
    cx - ax - bx,
    cy - ay - by,
    cx + ax - bx,
    cy + ay - by,
    cx + ax + bx,
    cy + ay + by,
    cx - ax + bx,
    cy - ay + by,
  ];
}

/** Corners of boxes: [n, 5] → [n, 8]. */
export function toPolygons(boxes: RotatedBoxes): Polygons {
  return Float32Array.from(eachRow(boxes, 5, (row) => corners(row)));
}

/** Boxes with the axes' directions around oriented ones: [n, 5] → [n, 4]. */
export function toHorizontal(boxes: RotatedBoxes): Boxes {
  return Float32Array.from(
    eachRow(boxes, 5, ([cx, cy, w, h, angle]) => {
      const [cos, sin] = [Math.abs(Math.cos(angle!)), Math.abs(Math.sin(angle!))];
      const [halfWidth, halfHeight] = [(cos * w! + sin * h!) / 2, (sin * w! + cos * h!) / 2];
      return [cx! - halfWidth, cy! - halfHeight, cx! + halfWidth, cy! + halfHeight];
    }),
  );
}

/** Horizontal boxes as oriented ones, the long side as width: [n, 4] → [n, 5]. */
export function fromHorizontal(boxes: Boxes): RotatedBoxes {
  return Float32Array.from(
    eachRow(boxes, 4, ([x1, y1, x2, y2]) => {
      const [w, h] = [x2! - x1!, y2! - y1!];
      return [(x1! + x2!) / 2, (y1! + y2!) / 2, Math.max(w, h), Math.min(w, h), w >= h ? 0 : -Math.PI / 2];
    }),
  );
}

/**
 * Boxes of rectangles given by their corners in order: [n, 8] → [n, 5]. The centre is between the first and the third
 * corner, the sides are the first two, and the angle is that of the longer one.
 */
export function fromPolygons(polygons: Polygons): RotatedBoxes {
  return Float32Array.from(eachRow(polygons, 8, rectangleOf));
}

/** {@link fromPolygons} of one. */
export function rectangleOf(p: ArrayLike<number>): number[] {
  const [x1, y1, x2, y2, x3, y3, x4, y4] = Array.from(p) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const first = Math.hypot(x1 - x2, y1 - y2);
  const second = Math.hypot(x2 - x3, y2 - y3);
  const angle = first > second ? Math.atan2(y2 - y1, x2 - x1) : Math.atan2(y4 - y1, x4 - x1);
  return [(x1 + x3) / 2, (y1 + y3) / 2, Math.max(first, second), Math.min(first, second), halfTurn(angle)];
}

/** The numbers that `f` makes of each row, in order. */
function eachRow(rows: Float32Array, width: number, f: (row: Float32Array) => readonly number[]): number[] {
  return Array.from({ length: rows.length / width }, (_, i) => f(rows.subarray(i * width, (i + 1) * width))).flat();
}

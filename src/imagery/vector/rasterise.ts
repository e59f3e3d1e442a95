import { cutRing, ringArea } from "../../core/polygon.ts";
import type { Coordinates, Extent } from "./feature.ts";

/** A polygon in pixels with a label. */
export interface LabelledShape {
  label: number;
  /** Rings of one polygon, or of several; what an even number of them encloses is outside. */
  rings: readonly Coordinates[];
}

/**
 * Write a label into all pixels whose centre lies in the shape, as GDAL does: pixel [col, row] has its centre at
 * (col + ½, row + ½). A ring that crosses itself encloses what a line to its outside leaves through an odd number of
 * edges, which is how GIS software fills it.
 *
 * @param map [height, width], changed in place.
 */
export function burnShape(
  map: Uint8Array,
  { width, height }: { width: number; height: number },
  { label, rings }: LabelledShape,
): void {
  const crossings: number[][] = Array.from({ length: height }, () => []);
  for (const ring of rings) {
    for (let k = 0; k < ring.length; k += 2) {
      const next = (k + 2) % ring.length;
      addCrossings(crossings, [ring[k]!, ring[k + 1]!], [ring[next]!, ring[next + 1]!]);
    }
  }
  for (const [row, xs] of crossings.entries()) {
    xs.sort((a, b) => a - b);
    for (let i = 0; i + 1 < xs.length; i += 2) {
      const [from, to] = [Math.max(0, Math.ceil(xs[i]! - 0.5)), Math.min(width, Math.ceil(xs[i + 1]! - 0.5))];
      if (from < to) map.fill(label, row * width + from, row * width + to);
    }
  }
}

type Point = readonly [x: number, y: number];

/** Where an edge crosses the lines through the centres of rows; its lower end belongs to it, its upper one does not. */
function addCrossings(crossings: number[][], [x1, y1]: Point, [x2, y2]: Point): void {
  const [top, bottom] = y1 < y2 ? [y1, y2] : [y2, y1];
  const from = Math.max(0, Math.ceil(top - 0.5));
  const to = Math.min(crossings.length, Math.ceil(bottom - 0.5));
  for (let row = from; row < to; row++) {
    crossings[row]!.push(x1 + ((row + 0.5 - y1) / (y2 - y1)) * (x2 - x1));
  }
}

/**
 * The part of a ring inside of a rectangle (Sutherland and Hodgman 1974). Where the ring leaves and comes back, the parts
 * are joined along the rectangle's sides: inside of it every point is enclosed as often as before.
 */
export function clipRing(ring: Coordinates, [x1, y1, x2, y2]: Extent): Coordinates {
  let points: ArrayLike<number> = ring;
  points = cutRing(points, (x) => x - x1);
  points = cutRing(points, (x) => x2 - x);
  points = cutRing(points, (_, y) => y - y1);
  points = cutRing(points, (_, y) => y2 - y);
  return Float64Array.from(points);
}

/** Area of polygons whose outer ring comes first. */
export function areaOf(polygons: readonly (readonly Coordinates[])[]): number {
  return polygons.reduce(
    (sum, rings) => rings.reduce((left, ring, k) => (k === 0 ? ringArea(ring) : left - ringArea(ring)), 0) + sum,
    0,
  );
}

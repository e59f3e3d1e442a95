import { type Grid, pixelToWorld } from "../core/grid.ts";

/** Upright bounds of a grid in the units of its CRS. */
export type Footprint = readonly [west: number, south: number, east: number, north: number];

export function footprint({ transform, width, height }: Grid): Footprint {
  const corners = [
    [0, 0],
    [width, 0],
    [0, height],
    [width, height],
  ].map((pixel) => pixelToWorld(transform, pixel as [number, number]));
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Area of the intersection of two footprints of one CRS as a share of their union, 0 to 1. */
export function overlapShare(a: Footprint, b: Footprint): number {
  const across = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const down = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([west, south, east, north]: Footprint) => (east - west) * (north - south);
  const common = across * down;
  return common / (area(a) + area(b) - common);
}

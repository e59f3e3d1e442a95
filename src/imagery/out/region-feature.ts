import { type Grid, pixelToWorld, shiftTransform } from "../../core/grid.ts";
import { gsdMetres, locationOf } from "../scene/crs.ts";
import type { Footprint } from "./footprint.ts";

type Position = [x: number, y: number];

/** The outline of a region in longitude and latitude, or in pixels where a grid has no known place on the globe. */
export function regionFootprint({ rings }: { rings: readonly ArrayLike<number>[] }, grid: Grid): Footprint {
  const toMap = (col: number, row: number): Position => {
    const location = locationOf(grid, [col, row]);
    return location === undefined ? [col, row] : [location.longitude, location.latitude];
  };
  const coordinates = rings.map((ring, i) => {
    const positions: Position[] = [];
    for (let k = 0; k < ring.length; k += 2) positions.push(toMap(ring[k]!, ring[k + 1]!));
    positions.push(positions[0]!);
    // RFC 7946: outer rings counterclockwise, holes clockwise.
    return signedArea(positions) > 0 === (i === 0) ? positions : positions.reverse();
  });
  const bbox: Footprint["bbox"] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of coordinates[0]!) {
    bbox[0] = Math.min(bbox[0], x);
    bbox[1] = Math.min(bbox[1], y);
    bbox[2] = Math.max(bbox[2], x);
    bbox[3] = Math.max(bbox[3], y);
  }
  return { geometry: { type: "Polygon", coordinates }, bbox };
}

function signedArea(ring: readonly Position[]): number {
  let twice = 0;
  for (let i = 1; i < ring.length; i++) twice += ring[i - 1]![0] * ring[i]![1] - ring[i]![0] * ring[i - 1]![1];
  return twice / 2;
}

/** Rows over which the size of a pixel is taken as one. */
const band = 64;

/**
 * Hectares of a pixel by its row: in degrees, pixels shrink toward the poles.
 * @returns undefined where the grid has no known place on the globe
 */
export function pixelHectares(grid: Grid): ((row: number) => number) | undefined {
  if (gsdMetres(grid) === undefined) return undefined;
  const known: number[] = [];
  return (row) => {
    const k = Math.floor(row / band);
    known[k] ??=
      (gsdMetres({ ...grid, transform: shiftTransform(grid.transform, [0, k * band]), height: band }) ?? 0) ** 2;
    return known[k]! / 1e4;
  };
}

/** Is the place of a grid on the globe known? */
export function isGeoreferenced(grid: Grid): boolean {
  return locationOf(grid, [0, 0]) !== undefined && pixelToWorld(grid.transform, [0, 0]).every(Number.isFinite);
}

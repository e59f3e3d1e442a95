import proj4 from "proj4";
import { type Grid, pixelToWorld } from "../../core/grid.ts";
import type { Location } from "../../core/place.ts";

const fixed: Readonly<Record<number, string>> = {
  4326: "+proj=longlat +datum=WGS84 +no_defs",
  4258: "+proj=longlat +ellps=GRS80 +towgs84=0,0,0 +no_defs",
  4269: "+proj=longlat +ellps=GRS80 +towgs84=0,0,0 +no_defs",
  3857: "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +x_0=0 +y_0=0 +k=1 +units=m +nadgrids=@null +no_defs",
  3035: "+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 +ellps=GRS80 +towgs84=0,0,0 +units=m +no_defs",
  2154: "+proj=lcc +lat_0=46.5 +lon_0=3 +lat_1=49 +lat_2=44 +x_0=700000 +y_0=6600000 +ellps=GRS80 +towgs84=0,0,0 +units=m +no_defs",
  5070: "+proj=aea +lat_0=23 +lon_0=-96 +lat_1=29.5 +lat_2=45.5 +x_0=0 +y_0=0 +ellps=GRS80 +towgs84=0,0,0 +units=m +no_defs",
};

/** UTM zones by the hundreds of their codes. NAD83 and ETRS89 differ from WGS 84 by less than a Sentinel pixel. */
const utm: readonly { base: number; zones: readonly [number, number]; rest: string }[] = [
  { base: 32600, zones: [1, 60], rest: "+datum=WGS84" },
  { base: 32700, zones: [1, 60], rest: "+south +datum=WGS84" },
  { base: 25800, zones: [28, 38], rest: "+ellps=GRS80 +towgs84=0,0,0" },
  { base: 26900, zones: [1, 23], rest: "+ellps=GRS80 +towgs84=0,0,0" },
];

/** What proj4 understands of a CRS; undefined: nothing. */
function definition(crs: string): string | undefined {
  const code = /^EPSG:(\d+)$/i.exec(crs)?.[1];
  if (code === undefined) return crs;
  const number = Number(code);
  if (fixed[number] !== undefined) return fixed[number];
  const zone = utm.find(({ base, zones }) => number >= base + zones[0] && number <= base + zones[1]);
  return zone === undefined ? undefined : `+proj=utm +zone=${number - zone.base} ${zone.rest} +units=m +no_defs`;
}

type Transform = { forward(xy: [number, number]): [number, number]; inverse(xy: [number, number]): [number, number] };
const transforms = new Map<string, Transform | undefined>();

/** From a CRS to longitude and latitude (WGS 84) and back; undefined: not a projection that is known here. */
function toGeographic(crs: string): Transform | undefined {
  if (!transforms.has(crs)) {
    const text = definition(crs);
    let found: Transform | undefined;
    try {
      if (text !== undefined) found = proj4(text, fixed[4326]!) as Transform;
    } catch {
      // proj4 throws strings and errors of many kinds for what it does not know.
    }
    transforms.set(crs, found);
  }
  return transforms.get(crs);
}

/** Longitude and latitude of a position in pixels; undefined: no georeference or an unknown projection. */
export function locationOf(grid: Grid, pixel: readonly [col: number, row: number]): Location | undefined {
  const transform = grid.crs === undefined ? undefined : toGeographic(grid.crs);
  if (transform === undefined) return undefined;
  const [longitude, latitude] = transform.forward(pixelToWorld(grid.transform, pixel));
  if (!Number.isFinite(longitude) || !Number.isFinite(latitude) || Math.abs(latitude) > 90) return undefined;
  return { longitude: longitude - 360 * Math.round(longitude / 360), latitude };
}

/** Ground size of the pixel in the middle of a grid, metres; undefined without georeference. */
export function gsdMetres(grid: Grid): number | undefined {
  const sides = pixelMetres(grid);
  return sides && Math.sqrt(sides[0] * sides[1]);
}

/** Sides of the pixel in the middle of a grid, along a row and along a column, metres. */
export function pixelMetres(grid: Grid): [along: number, down: number] | undefined {
  const middle: [number, number] = [grid.width / 2, grid.height / 2];
  const a = locationOf(grid, middle);
  const right = locationOf(grid, [middle[0] + 1, middle[1]]);
  const down = locationOf(grid, [middle[0], middle[1] + 1]);
  if (a === undefined || right === undefined || down === undefined) return undefined;
  return [distance(a, right), distance(a, down)];
}

/** Over a short way on the ellipsoid of WGS 84: its two radii of curvature at that latitude. */
function distance(a: Location, b: Location): number {
  const rad = Math.PI / 180;
  const [axis, e2] = [6_378_137, 0.00669437999014];
  const latitude = ((a.latitude + b.latitude) / 2) * rad;
  const w2 = 1 - e2 * Math.sin(latitude) ** 2;
  const east = (b.longitude - a.longitude) * rad * Math.cos(latitude) * (axis / Math.sqrt(w2));
  const north = (b.latitude - a.latitude) * rad * ((axis * (1 - e2)) / w2 ** 1.5);
  return Math.hypot(east, north);
}

/** Whether two coordinate systems put the corners of `grid` at the same place, to a hundredth of its pixel. */
export function sameCrs(a: string | undefined, b: string | undefined, grid: Grid): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const [from, to] = [toGeographic(a), toGeographic(b)];
  if (from === undefined || to === undefined) return false;
  const tolerance = 0.01 * Math.hypot(grid.transform[0], grid.transform[3]);
  return [
    [0, 0],
    [grid.width, 0],
    [0, grid.height],
    [grid.width, grid.height],
  ].every((corner) => {
    const [x, y] = pixelToWorld(grid.transform, corner as [number, number]);
    const [u, v] = to.inverse(from.forward([x, y]));
    return Math.hypot(u - x, v - y) < tolerance;
  });
}

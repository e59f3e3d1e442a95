import { SkySenseError } from "../../core/error.ts";
import { type Affine, pixelToWorld, type Window } from "../../core/grid.ts";

type Position = [x: number, y: number];
type Ring = Position[];

/** The outline of a scene or of a tile as GeoJSON, with its [west, south, east, north]. */
export interface Footprint {
  geometry:
    | { type: "Polygon"; coordinates: Ring[] }
    /** Two parts: cut along the antimeridian. */
    | { type: "MultiPolygon"; coordinates: Ring[][] };
  /** west > east: it crosses the antimeridian (RFC 7946 §5.2). */
  bbox: [west: number, south: number, east: number, north: number];
}

/** Points laid on each edge before it is projected; points on a straight line are dropped again. */
const pointsPerEdge = 16;
/** Degrees: about a centimetre on the ground. */
const straight = 1e-7;

/**
 * The outline of a window of a grid, counterclockwise, in longitude and latitude, or in pixels without `toLonLat`.
 *
 * Edges are densified before they are projected, cut at the antimeridian, and closed over a pole that they encircle.
 *
 * @param options.toLonLat  World coordinates of the grid to degrees, WGS 84; absent: the grid has no georeference,
 *   and the footprint is in pixels (row counted downward).
 * @throws SkySenseError `OUTSIDE_PROJECTION`: a corner has no longitude and latitude
 * @see RFC 7946 §3.1.6 (orientation), §3.1.9 (antimeridian cutting)
 */
export function footprint(options: {
  transform: Affine;
  window: Window;
  toLonLat?: (position: readonly [x: number, y: number]) => readonly [longitude: number, latitude: number];
}): Footprint {
  const { transform, window, toLonLat } = options;
  if (toLonLat === undefined) return polygon(counterclockwise(close(corners(window))));
  const edge = corners(window).flatMap((from, i, all) => between(from, all[(i + 1) % 4]!, pointsPerEdge));
  const lonLat = edge.map((pixel): Position => {
    const [longitude, latitude] = toLonLat(pixelToWorld(transform, pixel));
    if (!Number.isFinite(longitude) || !Number.isFinite(latitude) || Math.abs(latitude) > 90.000001) {
      throw new SkySenseError({
        code: "OUTSIDE_PROJECTION",
        what: `pixel ${pixel.join(", ")} has no longitude and latitude in this projection`,
        remedy: "Check the coordinate reference system and the geotransform of the file.",
      });
    }
    return [longitude, Math.max(-90, Math.min(90, latitude))];
  });
  const ring = counterclockwise(close(dropStraight(overPole(unwrap(lonLat)))));
  return cutAtAntimeridian(ring);
}

function corners([col, row, width, height]: Window): Ring {
  return [
    [col, row],
    [col, row + height],
    [col + width, row + height],
    [col + width, row],
  ];
}

function between(from: Position, to: Position, points: number): Ring {
  return Array.from({ length: points }, (_, i): Position => {
    const t = i / points;
    return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
  });
}

/** Longitudes without jumps: each within 180° of the one before, so they may leave [-180, 180]. */
function unwrap(ring: Ring): Ring {
  const out: Ring = [];
  for (const [lon, lat] of ring) {
    const last = out.at(-1)?.[0] ?? lon;
    out.push([lon - 360 * Math.round((lon - last) / 360), lat]);
  }
  return out;
}

/** A ring that turns once about the earth's axis encloses a pole: let it run along that pole. */
function overPole(ring: Ring): Ring {
  const [first, last] = [ring[0]!, ring.at(-1)!];
  if (Math.abs(last[0] - first[0]) < 180) return ring;
  const turn = Math.sign(last[0] - first[0]) * 360;
  const pole = ring.reduce((sum, [, lat]) => sum + lat, 0) > 0 ? 90 : -90;
  return [...ring, [first[0] + turn, first[1]], [first[0] + turn, pole], [first[0], pole]];
}

/** Without the points that lie on the segment from the last point kept to the next point. */
function dropStraight(ring: Ring): Ring {
  const out: Ring = [];
  ring.forEach((point, i) => {
    const before = out.at(-1) ?? ring.at(-1)!;
    if (distance(point, before, ring[(i + 1) % ring.length]!) > straight) out.push(point);
  });
  return out;
}

function distance([x, y]: Position, [ax, ay]: Position, [bx, by]: Position): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = Math.hypot(dx, dy);
  if (length === 0) return Math.hypot(x - ax, y - ay);
  return Math.abs((x - ax) * dy - (y - ay) * dx) / length;
}

function close(ring: Ring): Ring {
  return ring.length === 0 ? ring : [...ring, ring[0]!];
}

function counterclockwise(ring: Ring): Ring {
  let twiceArea = 0;
  for (let i = 1; i < ring.length; i++) twiceArea += ring[i - 1]![0] * ring[i]![1] - ring[i]![0] * ring[i - 1]![1];
  return twiceArea < 0 ? [...ring].reverse() : ring;
}

function cutAtAntimeridian(ring: Ring): Footprint {
  const longitudes = ring.map(([lon]) => lon);
  const [west, east] = [Math.min(...longitudes), Math.max(...longitudes)];
  // Whole turns first, so that the western end lies in [-180, 180).
  const turns = 360 * Math.floor((west + 180) / 360);
  const moved = ring.map(([lon, lat]): Position => [lon - turns, lat]);
  if (east - turns <= 180) return polygon(moved);
  const here = clip(moved, (lon) => lon <= 180);
  const beyond = clip(moved, (lon) => lon >= 180).map(([lon, lat]): Position => [lon - 360, lat]);
  const latitudes = ring.map(([, lat]) => lat);
  return {
    geometry: { type: "MultiPolygon", coordinates: [[here], [beyond]] },
    bbox: [west - turns, Math.min(...latitudes), east - turns - 360, Math.max(...latitudes)],
  };
}

/** Sutherland and Hodgman's clipping of a closed ring at the meridian 180. */
function clip(ring: Ring, inside: (lon: number) => boolean): Ring {
  const out: Ring = [];
  for (let i = 1; i < ring.length; i++) {
    const [a, b] = [ring[i - 1]!, ring[i]!];
    if (inside(a[0]) !== inside(b[0])) out.push([180, a[1] + ((180 - a[0]) / (b[0] - a[0])) * (b[1] - a[1])]);
    if (inside(b[0])) out.push(b);
  }
  return close(out);
}

function polygon(ring: Ring): Footprint {
  const [xs, ys] = [ring.map(([x]) => x), ring.map(([, y]) => y)];
  return {
    geometry: { type: "Polygon", coordinates: [ring] },
    bbox: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
  };
}

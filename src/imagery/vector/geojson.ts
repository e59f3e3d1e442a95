import type { Coordinates, Feature } from "./feature.ts";

interface Geometry {
  type: string;
  coordinates?: unknown;
  geometries?: Geometry[];
}

/** A feature of GeoJSON (RFC 7946) as GDAL writes it. */
export interface GeoJsonFeature {
  id?: number | string;
  properties: Record<string, unknown> | null;
  geometry: Geometry | null;
}

type Position = readonly number[];

/**
 * A feature of GeoJSON; collections are taken apart, heights left out.
 * @param position where it stands in the file, for files that number nothing
 */
export function featureOf(
  { id, properties, geometry }: GeoJsonFeature,
  field: string | undefined,
  position: number,
): Feature {
  const raw = field === undefined ? undefined : properties?.[field];
  const text = raw === undefined || raw === null ? "" : String(raw).trim();
  const parts = geometry === null ? [] : simple(geometry);
  const of = <T>(type: string) =>
    parts.filter((part) => part.type === type).map(({ coordinates }) => coordinates as T);
  // GeoJSON may call its features anything, but messages count them.
  const number = id === undefined || id === "" ? Number.NaN : Number(id);
  return {
    id: Number.isInteger(number) ? number : position,
    value: text === "" ? undefined : text,
    polygons: of<Position[][]>("Polygon")
      .map((rings) => rings.map(ring).filter((corners) => corners.length >= 6))
      .filter((rings) => rings.length > 0),
    points: flat(of<Position>("Point").filter((position) => position.length >= 2)),
    lines: parts.some(({ type }) => type === "LineString"),
  };
}

/** Geometries without multi-parts and collections. */
function simple({ type, coordinates, geometries }: Geometry): Geometry[] {
  if (geometries !== undefined) return geometries.flatMap(simple);
  const [, single] = /^Multi(\w+)$/.exec(type) ?? [];
  if (single === undefined) return [{ type, coordinates }];
  return (coordinates as unknown[]).map((part) => ({ type: single, coordinates: part }));
}

/** Without the corner that closes it, and without corners that stand there twice in a row. */
function ring(positions: readonly Position[]): Coordinates {
  const same = (a: Position, b: Position) => a[0] === b[0] && a[1] === b[1];
  const kept = positions.filter((position, k) => k === 0 || !same(position, positions[k - 1]!));
  while (kept.length > 1 && same(kept[0]!, kept.at(-1)!)) kept.pop();
  return flat(kept);
}

function flat(positions: readonly Position[]): Coordinates {
  return Float64Array.from(positions.flatMap(([x, y]) => [x!, y!]));
}

/** Corners of a ring, or points: [x, y, x, y, …]; a ring does not repeat its first corner. */
export type Coordinates = Float64Array<ArrayBuffer>;

/** A shape on the ground with what one field says of it. */
export interface Feature {
  /** Its number in the file, as GIS software shows it ("fid"). */
  id: number;
  /** What the field holds, as text; undefined: nothing, or no field was asked for. */
  value: string | undefined;
  /** Polygons, each a list of its rings, the outer one first. */
  polygons: readonly (readonly Coordinates[])[];
  points: Coordinates;
  /** Whether it has lines, which neither enclose anything nor are points. */
  lines: boolean;
}

/** [west, south, east, north], or in pixels [left, top, right, bottom]. */
export type Extent = readonly [x1: number, y1: number, x2: number, y2: number];

/** A feature with every coordinate changed. */
export function mapFeature(
  feature: Feature,
  to: (xy: readonly [number, number]) => readonly [number, number],
): Feature {
  const change = (from: Coordinates) => {
    const out = new Float64Array(from.length);
    for (let k = 0; k < from.length; k += 2) out.set(to([from[k]!, from[k + 1]!]), k);
    return out;
  };
  return { ...feature, polygons: feature.polygons.map((rings) => rings.map(change)), points: change(feature.points) };
}

/** undefined: it has neither polygons nor points. */
export function extentOf({ polygons, points }: Pick<Feature, "polygons" | "points">): Extent | undefined {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const part of [...polygons.map(([outer]) => outer ?? []), points]) {
    for (let k = 0; k < part.length; k += 2) {
      const [x, y] = [part[k]!, part[k + 1]!];
      if (x < x1) x1 = x;
      if (x > x2) x2 = x;
      if (y < y1) y1 = y;
      if (y > y2) y2 = y;
    }
  }
  return x1 > x2 ? undefined : [x1, y1, x2, y2];
}

/** Whether two extents share an area or a point. */
export function meet(a: Extent, b: Extent): boolean {
  return a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
}

import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { withGdal } from "../../src/imagery/raster/gdal-session.node.ts";

export interface TestFeature {
  properties: Record<string, unknown>;
  geometry: { type: string; coordinates: unknown } | null;
}

export const polygon = (...rings: number[][][]) => ({ type: "Polygon", coordinates: rings });
export const point = (x: number, y: number) => ({ type: "Point", coordinates: [x, y] });

/** A closed ring around a rectangle. */
export const box = (x1: number, y1: number, x2: number, y2: number): number[][] => [
  [x1, y1],
  [x2, y1],
  [x2, y2],
  [x1, y2],
  [x1, y1],
];

/** Write GeoJSON; `epsg` as the old "crs" member says it, which GDAL reads. */
export function writeGeoJson(path: string, features: readonly TestFeature[], epsg = 4326): string {
  mkdirSync(dirname(path), { recursive: true });
  const crs = { type: "name", properties: { name: `urn:ogc:def:crs:EPSG::${epsg}` } };
  const all = features.map((feature) => ({ type: "Feature", ...feature }));
  writeFileSync(path, JSON.stringify({ type: "FeatureCollection", ...(epsg !== 4326 && { crs }), features: all }));
  return path;
}

/** The same in other formats, written by GDAL beside the GeoJSON: GDAL's names and endings. */
export async function convertVectors(
  geojson: string,
  formats: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<string[]> {
  return withGdal({ input: dirname(geojson) }, undefined, async (gdal) => {
    const made: string[] = [];
    for (const [format, ending] of Object.entries(formats)) {
      const name = basename(geojson, extname(geojson));
      const out = await gdal.features(`/input/${basename(geojson)}`, name, ["-f", format, ...options]);
      made.push(join(dirname(geojson), `${name}${ending}`));
      writeFileSync(made.at(-1)!, await gdal.bytes(out));
    }
    return made;
  });
}

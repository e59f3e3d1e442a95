import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, expect, test } from "vitest";
import { type MapFeature, writeFeatureTable } from "./feature-table.node.ts";
import { pixelHectares, regionFootprint } from "./region-feature.ts";
import { traceRegions } from "./trace-regions.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-features-"));
afterAll(() => rmSync(folder, { recursive: true }));

const grid = {
  crs: "EPSG:32632",
  transform: [10, 0, 600_000, 0, -10, 5_300_000],
  width: 4,
  height: 3,
} as const;
const labels = Uint8Array.from([0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
const regions = traceRegions(labels, grid);
const columns = { class: "text", pixels: "integer", hectares: "number" } as const;
const features: MapFeature[] = regions.map((region) => ({
  ...regionFootprint(region, grid),
  properties: { class: `c"${region.label}`, pixels: region.pixels, hectares: region.pixels / 100 },
}));
const common = { features, columns, georeferenced: true, software: "test" };

test("regionFootprint: outer rings counterclockwise, holes clockwise, in degrees", () => {
  const [outside] = features;
  expect(outside!.geometry.coordinates.length).toBe(2);
  const areas = (outside!.geometry.coordinates as [number, number][][]).map((ring) => {
    expect(ring[0]).toEqual(ring.at(-1));
    return ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i]![0] * y - x * ring[i]![1], 0) / 2;
  });
  expect(areas[0]).toBeGreaterThan(0);
  expect(areas[1]).toBeLessThan(0);
  // 40 m by 30 m at 47.8° north.
  const [west, south, east, north] = outside!.bbox;
  expect((east - west) * 111_320 * Math.cos((47.8 * Math.PI) / 180)).toBeCloseTo(40, -1);
  expect((north - south) * 111_200).toBeCloseTo(30, -1);
});

test("pixelHectares: constant in metres but for the projection's scale, by latitude in degrees, unknown without a place", () => {
  expect(pixelHectares(grid)!(0)).toBeCloseTo(0.01, 4);
  const degrees = { crs: "EPSG:4326", transform: [0.1, 0, 0, 0, -0.1, 60] as const, width: 1, height: 600 };
  const areaOf = pixelHectares({ ...degrees, transform: [...degrees.transform] });
  // cos 56.8° of what it is at the equator.
  expect(areaOf!(0) / areaOf!(590)).toBeCloseTo(Math.cos((56.8 * Math.PI) / 180), 1);
  expect(pixelHectares({ crs: undefined, transform: [1, 0, 0, 0, 1, 0], width: 3, height: 3 })).toBeUndefined();
});

test("writeFeatureTable: GeoJSON holds what was given, and is whole", async () => {
  const path = join(folder, "a.geojson");
  expect(await writeFeatureTable({ ...common, path })).toBe(2);
  const json = JSON.parse(readFileSync(path, "utf8"));
  expect(json.features.map((f: { properties: object }) => f.properties)).toEqual(features.map((f) => f.properties));
  expect(json.features[1].geometry).toEqual(features[1]!.geometry);
  const none = join(folder, "none.geojson");
  expect(await writeFeatureTable({ ...common, path: none, features: [] })).toBe(0);
  expect(JSON.parse(readFileSync(none, "utf8")).features).toEqual([]);
});

test("writeFeatureTable: another reader finds columns, extent and geometry in GeoParquet", async () => {
  const path = join(folder, "a.parquet");
  await writeFeatureTable({ ...common, path });
  const connection = await (await DuckDBInstance.create()).connect();
  const reader = await connection.runAndReadAll(
    `select class, pixels, hectares, geometry::VARCHAR as wkt, bbox.xmin as west from '${path}'`,
  );
  const rows = reader.getRowObjects();
  for (const [i, { geometry, bbox, properties }] of features.entries()) {
    const { wkt, ...rest } = rows[i]!;
    expect(rest).toEqual({ ...properties, west: bbox[0] });
    const corners = [...String(wkt).matchAll(/-?[\d.]+/g)].map(([number]) => Number(number));
    expect(corners).toEqual(geometry.coordinates.flat(2));
  }
  const footer = await connection.runAndReadAll(
    `select decode(value) as geo from parquet_kv_metadata('${path}') where decode(key) = 'geo'`,
  );
  const geo = JSON.parse(footer.getRowObjects()[0]!.geo as string);
  expect(geo.columns.geometry.geometry_types).toEqual(["Polygon"]);
  expect(geo.columns.geometry.bbox).toEqual(features[0]!.bbox);
});

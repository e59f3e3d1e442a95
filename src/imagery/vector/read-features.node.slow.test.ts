import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import proj4 from "proj4";
import { afterAll, expect, test } from "vitest";
import { box, convertVectors, point, polygon, writeGeoJson } from "../../../test/support/vectors.ts";
import type { Feature } from "./feature.ts";
import { withVectorLayer } from "./read-features.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-vectors-"));
afterAll(() => rmSync(folder, { recursive: true }));

const utm33 = "+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs";
const everywhere = [-1e7, -1e7, 1e7, 1e7] as const;
const outline = box(14.001, 46.001, 14.003, 46.002);
const parcels = writeGeoJson(join(folder, "parcels.geojson"), [
  { properties: { crop: " maize ", code: 3 }, geometry: polygon(outline, box(14.0015, 46.0012, 14.002, 46.0015)) },
  { properties: { crop: null, code: 4 }, geometry: point(14.002, 46.0015) },
  {
    properties: { crop: "rye", code: 5 },
    geometry: { type: "MultiPolygon", coordinates: [[outline], [box(14.01, 46, 14.02, 46.01)]] },
  },
]);

const read = (
  file: string,
  options: object,
  crs = "EPSG:32633",
  within: readonly [number, number, number, number] = everywhere,
) => withVectorLayer(file, { field: "crop", ...options }, (layer) => layer.read(crs, { within }));

test("withVectorLayer: GeoPackage, FlatGeobuf and GeoJSON say the same, in the CRS that is asked for (by proj4)", async () => {
  const others = await convertVectors(parcels, { GPKG: ".gpkg", FlatGeobuf: ".fgb" });
  const project = (ring: number[][]) => ring.slice(0, -1).flatMap(([x, y]) => proj4(utm33, [x!, y!]));
  for (const file of [parcels, ...others]) {
    const features = await read(file, {});
    // FlatGeobuf sorts by place.
    const [maize, nothing, rye] = ["maize", undefined, "rye"].map((value) =>
      features.find((one) => one.value === value),
    );
    expect(features.length).toBe(3);
    expect([nothing!.points, nothing!.polygons]).toEqual([expect.any(Float64Array), []]);
    const corners = (one: Feature | undefined) => one!.polygons.map((rings) => rings.map((ring) => [...ring]));
    const near = (ring: number[]) => ring.map((v) => expect.closeTo(v, 3));
    expect(corners(maize)).toEqual([[near(project(outline)), expect.any(Array)]]);
    expect(corners(rye)).toEqual([[near(project(outline))], [near(project(box(14.01, 46, 14.02, 46.01)))]]);
    expect([...nothing!.points]).toEqual(near(proj4(utm33, [14.002, 46.0015])));
  }
});

test("withVectorLayer: only what may lie in the extent is read; numbers become text, features have the numbers of the file", async () => {
  const features = await read(parcels, { field: "code" }, "EPSG:4326", [14.015, 46, 14.016, 46.001]);
  expect(features.map(({ id, value }) => [id, value])).toEqual([[2, "5"]]);
});

test("withVectorLayer: what is wrong is said with the file and what to do", async () => {
  const messageOf = async (file: string, options: object = {}) =>
    (await read(join(folder, file), options).catch((error: Error) =>
      error.message.replaceAll(folder, "DIR"),
    )) as string;
  expect(await messageOf("none.gpkg")).toBe(
    "there is no such file of labels (DIR/none.gpkg). Give a GeoPackage, GeoJSON, FlatGeobuf or Shapefile (.shp).",
  );
  expect(await messageOf("parcels.geojson", { field: "kind" })).toBe(
    'the layer parcels has no field "kind" (DIR/parcels.geojson). Choose one by --class-field: crop, code.',
  );
  expect(await messageOf("parcels.geojson", { layer: "x" })).toBe(
    'there is no layer "x" (DIR/parcels.geojson). Choose one by --layer: parcels.',
  );
  writeFileSync(join(folder, "text.gpkg"), "no GeoPackage");
  expect(await messageOf("text.gpkg")).toBe(
    "the labels cannot be read: GDAL does not know this file (DIR/text.gpkg). Check that it is a GeoPackage, GeoJSON, FlatGeobuf or Shapefile, or export it again.",
  );
  writeFileSync(join(folder, "half.geojson"), '{"type": "FeatureCollection", "features": [{"type": "Fea');
  expect(await messageOf("half.geojson")).toMatch(/^the labels cannot be read: .+ \(DIR\/half\.geojson\)\. Check/);
});

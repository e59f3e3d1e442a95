import { expect, test } from "vitest";
import { featureOf } from "./geojson.ts";

const geometry = { type: "Point", coordinates: [1, 2, 3] };

test("featureOf: numbers of features are those of the file, or where they stand in it", () => {
  const idOf = (id: number | string | undefined) =>
    featureOf({ ...(id !== undefined && { id }), properties: null, geometry }, undefined, 7).id;
  expect([3, "3", "tree", "", undefined].map(idOf)).toEqual([3, 3, 7, 7, 7]);
});

test("featureOf: what holds nothing has no value, heights and repeated corners are left out", () => {
  const ring = [
    [0, 0, 5],
    [1, 0, 5],
    [1, 0, 5],
    [1, 1, 5],
    [0, 0, 5],
  ];
  const properties = { kind: " ", code: 0 };
  const feature = featureOf({ properties, geometry: { type: "Polygon", coordinates: [ring] } }, "kind", 0);
  expect(feature.value).toBeUndefined();
  expect(feature.polygons.map((rings) => rings.map((one) => [...one]))).toEqual([[[0, 0, 1, 0, 1, 1]]]);
  expect(featureOf({ properties, geometry: null }, "code", 0)).toMatchObject({
    value: "0",
    polygons: [],
    lines: false,
  });
});

import fc from "fast-check";
import proj4 from "proj4";
import { expect, test } from "vitest";
import { type Footprint, footprint } from "./footprint.ts";

const lonLat = (p: readonly [number, number]) => p;
const rings = ({ geometry }: Footprint) =>
  geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
/** Twice the signed area of a ring, in square degrees. */
const area = (ring: [number, number][]) =>
  ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i]![0] * y - x * ring[i]![1], 0) / 2;

test("footprint: a plate carrée world is five points, and no antimeridian is cut", () => {
  const world = footprint({
    transform: [360 / 4096, 0, -180, 0, -180 / 2048, 90],
    window: [0, 0, 4096, 2048],
    toLonLat: lonLat,
  });
  expect(world).toEqual({
    geometry: {
      type: "Polygon",
      coordinates: [
        [
          [-180, 90],
          [-180, -90],
          [180, -90],
          [180, 90],
          [-180, 90],
        ],
      ],
    },
    bbox: [-180, -90, 180, 90],
  });
});

test("footprint: without georeference it is in pixels", () => {
  const tile = footprint({ transform: [1, 0, 0, 0, 1, 0], window: [10, 20, 5, 4] });
  expect(tile.bbox).toEqual([10, 20, 15, 24]);
  expect(area(rings(tile)[0]!)).toBe(20);
});

test("footprint: a UTM tile follows its curved edges to a centimetre", () => {
  const utm = proj4("+proj=utm +zone=31 +datum=WGS84", "WGS84");
  const toLonLat = ([x, y]: readonly [number, number]) => utm.forward([x, y]) as [number, number];
  const tile = footprint({ transform: [10, 0, 600000, 0, -10, 5700000], window: [0, 0, 10980, 10980], toLonLat });
  const ring = rings(tile)[0]!;
  expect(ring.length).toBeGreaterThan(5);
  expect(area(ring)).toBeGreaterThan(0);
  const north = utm.forward([600000 + 109800 / 2, 5700000]);
  expect(Math.min(...ring.map(([x, y]) => Math.hypot(x - north[0]!, y - north[1]!)))).toBeLessThan(1e-9);
});

test("footprint: a scene across the antimeridian becomes two polygons, and west is greater than east", () => {
  const fiji = footprint({ transform: [0.1, 0, 175, 0, -0.1, -10], window: [0, 0, 100, 50], toLonLat: wrapped });
  expect(fiji.geometry.type).toBe("MultiPolygon");
  expect(fiji.bbox).toEqual([175, -15, -175, -10]);
  const areas = rings(fiji).map(area);
  expect(areas[0]).toBeCloseTo(25);
  expect(areas[1]).toBeCloseTo(25);
});

test("footprint: a polar scene is closed along the pole", () => {
  const stereo = proj4("+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +datum=WGS84", "WGS84");
  const toLonLat = ([x, y]: readonly [number, number]) => stereo.forward([x, y]) as [number, number];
  const pole = footprint({ transform: [1000, 0, -1e6, 0, -1000, 1e6], window: [0, 0, 2000, 2000], toLonLat });
  expect(pole.bbox[3]).toBe(90);
  const covered = rings(pole).flatMap((ring) => ring.map(([lon]) => lon));
  expect(Math.min(...covered)).toBe(-180);
  expect(Math.max(...covered)).toBe(180);
  // Its share of the sphere in plate carrée: every longitude, from about 79° to 90°.
  expect(rings(pole).reduce((sum, ring) => sum + area(ring), 0)).toBeGreaterThan(360 * 6);
});

test("footprint: a corner outside the projection is refused", () => {
  const toLonLat = () => [Number.NaN, 0] as const;
  expect(() => footprint({ transform: [1, 0, 0, 0, 1, 0], window: [0, 0, 1, 1], toLonLat })).toThrow(
    "pixel 0, 0 has no longitude and latitude in this projection. Check the coordinate reference system",
  );
});

test("footprint: whatever the window, rings are closed, counterclockwise and on the globe", () => {
  const coordinate = fc.integer({ min: 0, max: 3000 });
  fc.assert(
    fc.property(fc.integer({ min: -180, max: 179 }), coordinate, coordinate, (west, col, row) => {
      const tile = footprint({
        transform: [0.01, 0, west, 0, -0.01, 40],
        window: [col, row, 64, 32],
        toLonLat: wrapped,
      });
      let total = 0;
      for (const ring of rings(tile)) {
        expect(ring[0]).toEqual(ring.at(-1));
        expect(area(ring)).toBeGreaterThanOrEqual(0);
        total += area(ring);
        for (const [lon] of ring) expect(Math.abs(lon)).toBeLessThanOrEqual(180 + 1e-9);
      }
      expect(total).toBeCloseTo(0.64 * 0.32, 6);
    }),
  );
});

/** Longitudes as projections give them: always within [-180, 180). */
function wrapped([x, y]: readonly [number, number]): [number, number] {
  return [((((x + 180) % 360) + 360) % 360) - 180, y];
}

import fc from "fast-check";
import { expect, test } from "vitest";
import { at, nd, noise, sumOver } from "../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../test/support/evaluate.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";
import { geoContext, initGeoContext, regionMap, regionOf } from "./geo-context.ts";
import { bindParameters } from "./parameters.ts";

const grids = [1, 2, 5, 8, 64];

test("regionOf: all regions have the same area", () => {
  // Directions evenly spread over the sphere: a Fibonacci lattice.
  const points = 200_000;
  for (const grid of [2, 5, 8]) {
    const counts = new Array<number>(grid * grid).fill(0);
    for (let i = 0; i < points; i++) {
      const latitude = (Math.asin(1 - (2 * i + 1) / points) * 180) / Math.PI;
      const longitude = ((i * 137.50776405003785) % 360) - 180;
      counts[regionOf({ longitude, latitude }, grid)]!++;
    }
    const expected = points / grid ** 2;
    for (const count of counts) expect(Math.abs(count / expected - 1)).toBeLessThan(0.01);
  }
});

test("regionOf: longitudes wrap around, poles and corners have a region", () => {
  for (const grid of grids) {
    for (const latitude of [-90, -12.3, 0, 45, 90]) {
      const region = regionOf({ longitude: 17, latitude }, grid);
      for (const turns of [-2, -1, 1, 2]) {
        expect(regionOf({ longitude: 17 + 360 * turns, latitude }, grid)).toBe(region);
      }
      const west = regionOf({ longitude: -180, latitude }, grid);
      expect(regionOf({ longitude: 180, latitude }, grid)).toBe(west);
    }
    expect(regionOf({ longitude: -180, latitude: -90 }, grid)).toBe(0);
    expect(regionOf({ longitude: 179.999, latitude: 90 }, grid)).toBe(grid * grid - 1);
  }
});

test("regionOf: is a whole number of the grid for every place", () => {
  const place = fc.record({
    longitude: fc.double({ min: -720, max: 720, noNaN: true }),
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  });
  fc.assert(
    fc.property(place, fc.constantFrom(...grids), (location, grid) => {
      const region = regionOf(location, grid);
      expect(Number.isInteger(region) && region >= 0 && region < grid * grid).toBe(true);
    }),
  );
});

test("regionMap: the polygon of a region contains exactly the places that regionOf sends there", () => {
  const place = fc.record({
    longitude: fc.double({ min: -180, max: 179.999, noNaN: true }),
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  });
  for (const grid of [2, 5, 8]) {
    const { features } = regionMap(grid);
    expect(features.map(({ properties }) => properties.region)).toEqual(features.map((_, i) => i));
    fc.assert(
      fc.property(place, ({ longitude, latitude }) => {
        const inside = features.filter(({ geometry }) => {
          const ring = geometry.coordinates[0]!;
          const [xs, ys] = [ring.map((p) => p[0]!), ring.map((p) => p[1]!)];
          // Half-open boxes, closed at the north pole; a hair of rounding at their edges is of no account.
          const within = (v: number, low: number, high: number) => v >= low - 1e-9 && v <= high + 1e-9;
          return (
            within(longitude, Math.min(...xs), Math.max(...xs)) && within(latitude, Math.min(...ys), Math.max(...ys))
          );
        });
        const region = regionOf({ longitude, latitude }, grid);
        expect(inside.map(({ properties }) => properties.region)).toContain(region);
        expect(inside.length).toBeLessThanOrEqual(4);
      }),
    );
  }
});

test("regionMap: polygons are closed, counter-clockwise, and cover the globe once", () => {
  const { features } = regionMap(6);
  const boxes = features.map(({ geometry }) => geometry.coordinates[0]!);
  let total = 0;
  for (const ring of boxes) {
    expect(ring.at(-1)).toEqual(ring[0]);
    const twice = ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i]![0]! * y! - x! * ring[i]![1]!, 0);
    expect(twice).toBeGreaterThan(0);
    total += twice / 2;
  }
  expect(total).toBeCloseTo(360 * 180, 6);
});

const config = { grid: 3, prototypes: 4, width: 5 };
const feeds = {
  fused: noise([2, 6, 5], 1),
  prototypes: noise([9, 4, 5], 2),
  region: { shape: [2], data: [7, 0] },
  known: { shape: [2], data: [1, 0] },
};
const build = () =>
  geoContext(bindParameters(initGeoContext(config)), input("fused", [batchDim(), 6, 5]), {
    region: input("region", [batchDim()], "int64"),
    known: input("known", [batchDim()]),
  });

test("geoContext: appends softmax(F Pᵀ/√d) P of the region's prototypes, and zeros where the place is unknown", async () => {
  const { y } = await evaluate({ y: build() }, feeds);
  const { fused, prototypes } = feeds;
  const expected = nd([2, 6, 10], ([b, n, c]) => {
    if (c! < 5) return at(fused, [b!, n!, c!]);
    if (b === 1) return 0;
    const score = (j: number) =>
      Math.exp(sumOver(5, (k) => at(fused, [b!, n!, k]) * at(prototypes, [7, j, k])) / Math.sqrt(5));
    const total = sumOver(4, score);
    return sumOver(4, (j) => (score(j) / total) * at(prototypes, [7, j, c! - 5]));
  });
  expectClose(y!, expected);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { crossesItself } from "./crosses-itself.ts";
import type { Coordinates } from "./feature.ts";
import { areaOf, burnShape, clipRing } from "./rasterise.ts";

const [width, height] = [13, 9];

/** Ray casting, edge by edge (Shimrat 1962): written apart from what it checks. */
function encloses(rings: readonly Coordinates[], x: number, y: number): boolean {
  let inside = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
      const [xi, yi, xj, yj] = [ring[i]!, ring[i + 1]!, ring[j]!, ring[j + 1]!];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
    }
  }
  return inside;
}

/** Distance of a point to the nearest edge. */
function toEdges(rings: readonly Coordinates[], x: number, y: number): number {
  const distances = rings.flatMap((ring) =>
    Array.from({ length: ring.length / 2 }, (_, k) => {
      const [i, j] = [2 * k, (2 * k + 2) % ring.length];
      const [dx, dy] = [ring[j]! - ring[i]!, ring[j + 1]! - ring[i + 1]!];
      const along = ((x - ring[i]!) * dx + (y - ring[i + 1]!) * dy) / (dx * dx + dy * dy || 1);
      const part = Math.min(1, Math.max(0, along));
      return Math.hypot(x - ring[i]! - part * dx, y - ring[i + 1]! - part * dy);
    }),
  );
  return Math.min(...distances);
}

/** Pixels that have not the label of what their centre lies in; a centre on an edge, up to rounding, has either. */
function wrongPixels(map: Uint8Array, shape: readonly Coordinates[]): number[] {
  return [...map.keys()].filter((p) => {
    const [x, y] = [(p % width) + 0.5, Math.floor(p / width) + 0.5];
    return map[p] !== Number(encloses(shape, x, y)) && toEdges(shape, x, y) > 1e-9;
  });
}

const coordinate = fc.double({ min: -6, max: 19, noNaN: true });
const ring = fc
  .array(coordinate, { minLength: 6, maxLength: 24 })
  .map((all) => Float64Array.from(all.slice(0, 2 * Math.floor(all.length / 2))));
const rings = fc.array(ring, { minLength: 1, maxLength: 3 });

const burn = (shape: readonly Coordinates[], label = 1) => {
  const map = new Uint8Array(width * height);
  burnShape(map, { width, height }, { label, rings: shape });
  return map;
};

test("burnShape: pixels whose centre lies inside, also of rings that cross themselves and leave the image", () => {
  fc.assert(
    fc.property(rings, (shape) => {
      expect(wrongPixels(burn(shape), shape)).toEqual([]);
    }),
  );
});

test("burnShape: shapes that share an edge neither overlap nor leave a gap, even on pixel centres", () => {
  const left = Float64Array.of(0, 0, 4.5, 0, 4.5, 9, 0, 9);
  const right = Float64Array.of(4.5, 0, 13, 0, 13, 9, 4.5, 9);
  const sum = burn([left]).map((label, p) => label + burn([right])[p]!);
  expect(new Set(sum)).toEqual(new Set([1]));
});

test("clipRing: inside of the rectangle nothing changes", () => {
  fc.assert(
    fc.property(rings, (shape) => {
      const clipped = shape.map((one) => clipRing(one, [-1, -1, width + 1, height + 1]));
      expect(wrongPixels(burn(clipped), shape)).toEqual([]);
    }),
  );
});

test("areaOf: holes are taken off, whichever way round rings go", () => {
  const outer = Float64Array.of(0, 0, 10, 0, 10, 10, 0, 10);
  const hole = Float64Array.of(2, 2, 2, 5, 5, 5, 5, 2);
  expect(areaOf([[outer, hole], [Float64Array.of(20, 0, 22, 0, 20, 2)]])).toBe(93);
});

test("crossesItself: a bow tie does, an outline that touches itself does not", () => {
  expect(crossesItself([Float64Array.of(0, 0, 4, 4, 4, 0, 0, 4)])).toBe(true);
  expect(crossesItself([Float64Array.of(0, 0, 4, 0, 2, 2, 4, 4, 0, 4, 2, 2)])).toBe(false);
  const square = Float64Array.of(0, 0, 4, 0, 4, 4, 0, 4);
  expect(crossesItself([square, Float64Array.of(1, 1, 2, 1, 1, 2)])).toBe(false);
  expect(crossesItself([square, Float64Array.of(1, 1, 6, 1, 1, 2)])).toBe(true);
});

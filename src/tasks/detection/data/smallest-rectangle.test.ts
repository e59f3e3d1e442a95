import fc from "fast-check";
import { expect, test } from "vitest";
import { smallestRectangle } from "./smallest-rectangle.ts";

const points = fc
  .array(fc.integer({ min: -50, max: 50 }), { minLength: 6, maxLength: 24 })
  .map((all) => all.slice(0, 2 * (all.length >> 1)));

/** Area of the rectangle around the points with a side at that angle. */
function areaAt(angle: number, all: readonly number[]): number {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const along = all.flatMap((v, k) => (k % 2 === 0 ? [v * c + all[k + 1]! * s] : []));
  const across = all.flatMap((v, k) => (k % 2 === 0 ? [all[k + 1]! * c - v * s] : []));
  return (Math.max(...along) - Math.min(...along)) * (Math.max(...across) - Math.min(...across));
}

test("smallestRectangle: none at any angle is smaller, and every point lies in it", () => {
  fc.assert(
    fc.property(points, (all) => {
      const [x1, y1, x2, y2, x3, y3] = smallestRectangle(all) as [number, number, number, number, number, number];
      const area = Math.hypot(x2 - x1, y2 - y1) * Math.hypot(x3 - x2, y3 - y2);
      for (let k = 0; k < 90; k++) expect(area).toBeLessThanOrEqual(areaAt((k * Math.PI) / 180, all) + 1e-6);
      const own = Math.atan2(y2 - y1, x2 - x1);
      expect(areaAt(own, [...all, x1, y1, x2, y2, x3, y3])).toBeCloseTo(area, 6);
    }),
    { numRuns: 50 },
  );
});

test("smallestRectangle: of a turned rectangle with corners on its sides, the rectangle", () => {
  const at = (u: number, v: number) => [10 + 0.8 * u - 0.6 * v, 5 + 0.6 * u + 0.8 * v];
  const all = [at(0, 0), at(5, 0), at(10, 0), at(10, 4), at(3, 4), at(0, 4)].flat();
  const corners = smallestRectangle(all);
  for (const corner of [at(0, 0), at(10, 0), at(10, 4), at(0, 4)]) {
    expect([0, 2, 4, 6].some((k) => Math.hypot(corners[k]! - corner[0]!, corners[k + 1]! - corner[1]!) < 1e-9)).toBe(
      true,
    );
  }
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { axis, resamplePlane, taps } from "./resample.ts";

/** A square source on a target, whole. */
function resample(
  source: Float32Array,
  side: number,
  options: { step: number; origin?: number; count: number; reach?: number },
) {
  const a = axis({ step: options.step, origin: options.origin ?? 0, length: side, reach: options.reach ?? 1 });
  const t = taps(a, 0, options.count);
  const cut = new Float32Array(t.count * t.count);
  for (let y = 0; y < t.count; y++) {
    for (let x = 0; x < t.count; x++) cut[y * t.count + x] = source[(t.first + y) * side + t.first + x]!;
  }
  return resamplePlane(cut, t, t);
}

test("resamplePlane: the same grid gives the same numbers", () => {
  fc.assert(
    fc.property(fc.float32Array({ minLength: 25, maxLength: 25, noNaN: true, noDefaultInfinity: true }), (source) => {
      expect(resample(source, 5, { step: 1, count: 5 })).toEqual(source);
    }),
  );
});

test("resamplePlane: a constant stays a constant at any step and shift", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 3, noNaN: true }),
      fc.double({ min: 0, max: 2, noNaN: true }),
      (step, origin) => {
        const out = resample(new Float32Array(400).fill(7), 20, {
          step,
          origin,
          count: Math.floor((20 - origin) / step),
        });
        expect(Math.max(...out.map((value) => Math.abs(value - 7)))).toBeLessThan(1e-4);
      },
    ),
  );
});

test("resamplePlane: a ramp stays a ramp inside, refined and coarsened", () => {
  const ramp = Float32Array.from({ length: 1600 }, (_, i) => i % 40);
  for (const step of [0.5, 0.64, 1.5625, 4]) {
    const count = Math.floor(40 / step);
    const out = resample(ramp, 40, { step, count });
    for (let x = Math.ceil(1 / step) + 1; x < count - Math.ceil(1 / step) - 1; x++) {
      // Pixel centres: value c stands at position c + 0.5. Between source pixels a wide triangle is off by a little.
      expect(Math.abs(out[5 * count + x]! - ((x + 0.5) * step - 0.5))).toBeLessThan(step > 1 ? 0.15 : 1e-4);
    }
  }
});

test("resamplePlane: 20 m pixels refined to 10 m weigh 3 : 1, as bilinear does", () => {
  const out = resample(Float32Array.of(0, 4, 0, 4), 2, { step: 0.5, count: 4 });
  expect([...out.subarray(0, 4)]).toEqual([0, 1, 3, 4]);
});

test("resamplePlane: nodata takes no part, and too little data is nodata", () => {
  const source = Float32Array.of(Number.NaN, 4, Number.NaN, 4);
  const out = resample(source, 2, { step: 0.5, count: 4 });
  expect(out[0]).toBeNaN();
  expect(out[1]).toBeNaN();
  expect(out[2]).toBe(4);
  expect(out[3]).toBe(4);
});

test("taps: pixels beyond the edge repeat the nearest one as far as they reach, marked as outside", () => {
  const t = taps(axis({ step: 1, origin: -2, length: 3, reach: 2 }), 0, 8);
  expect(t.pixels.map(({ outside }) => outside)).toEqual([true, true, false, false, false, true, true, true]);
  expect(t.pixels.map(({ weights, first }) => (weights.length === 0 ? "none" : first))).toEqual([
    0,
    0,
    0,
    1,
    2,
    2,
    2,
    "none",
  ]);
});

test("taps: a run of pixels has the same weights as the whole, wherever it starts", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.2, max: 4, noNaN: true }),
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.nat(10),
      (step, origin, from) => {
        const a = axis({ step, origin, length: 30, reach: 3 });
        expect(taps(a, from, from + 5).pixels).toEqual(taps(a, 0, 20).pixels.slice(from, from + 5));
      },
    ),
  );
});

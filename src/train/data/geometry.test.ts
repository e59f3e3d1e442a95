import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { type Crop, chooseCrop, chooseOrientation, cropMasks, cropPlanes, middle } from "./geometry.ts";
import { bilinearTaps, resamplePlane } from "./resample.ts";

const expected = JSON.parse(
  readFileSync(new URL("../../../fixtures/augment/expected.json", import.meta.url), "utf8"),
) as {
  source: { shape: [number, number]; values: number[] };
  resized: { box: [number, number, number, number]; size: [number, number]; values: number[] }[];
};

const upright = { transpose: false, flipRows: false, flipColumns: false };
const ways = [0, 1, 2, 3, 4, 5, 6, 7].map((way) => ({
  transpose: (way & 1) > 0,
  flipRows: (way & 2) > 0,
  flipColumns: (way & 4) > 0,
}));

test.each(expected.resized)("resamplePlane: crop $box to $size as Pillow resizes it", ({ box, size, values }) => {
  const [height, width] = expected.source.shape;
  const [left, top, right, bottom] = box;
  const out = new Float32Array(size[0] * size[1]);
  resamplePlane(
    Float32Array.from(expected.source.values),
    {
      offset: 0,
      width,
      rows: bilinearTaps({ start: top, length: bottom - top }, size[1], { antialias: true }),
      columns: bilinearTaps({ start: left, length: right - left }, size[0], { antialias: true }),
    },
    { out, at: 0, transpose: false, scale: 1 },
  );
  expect(height).toBeGreaterThanOrEqual(bottom);
  for (const [i, value] of out.entries()) expect(value).toBeCloseTo(values[i]!, 6);
});

test("bilinearTaps: without antialiasing the two nearest centres are interpolated, whatever the ratio", () => {
  const { first, count, weights } = bilinearTaps({ start: 10, length: 8 }, 2, { antialias: false });
  // Centres at 10 + 1.5 and 10 + 5.5.
  expect([...first]).toEqual([11, 15]);
  expect(count).toBe(2);
  expect([...weights]).toEqual([0.5, 0.5, 0.5, 0.5]);
});

test("bilinearTaps: weights are not negative, add up to one and stay within the stretch", () => {
  fc.assert(
    fc.property(
      fc.record({ start: fc.nat(50), length: fc.integer({ min: 1, max: 70 }) }),
      fc.integer({ min: 1, max: 70 }),
      fc.boolean(),
      fc.boolean(),
      ({ start, length }, size, antialias, reverse) => {
        const { first, count, weights } = bilinearTaps({ start, length }, size, { antialias, reverse });
        for (let i = 0; i < size; i++) {
          const own = weights.subarray(i * count, (i + 1) * count);
          expect(Math.min(...own)).toBeGreaterThanOrEqual(0);
          expect(own.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
          expect(first[i]).toBeGreaterThanOrEqual(start);
          expect(first[i]! + count).toBeLessThanOrEqual(start + length);
        }
      },
    ),
  );
});

/** Every pixel is its own number. */
const numbered = (side: number, type = Float32Array) => type.from({ length: side * side }, (_, i) => i);

function lay(data: Float32Array, side: number, way: (typeof ways)[number]): Float32Array {
  const out = new Float32Array(side * side);
  const crop = { top: 0, left: 0, height: side, width: side, ...way };
  cropPlanes({ data, count: 1, height: side, width: side, perUnit: 1 }, crop, { size: side, antialias: true, out });
  return out;
}

test("cropPlanes: the whole image at its own size is the image", () => {
  expect(lay(numbered(5), 5, upright)).toEqual(numbered(5));
});

test("cropPlanes: the eight ways to lay a square are different, and each is what its name says", () => {
  const side = 4;
  const laid = ways.map((way) => [...lay(numbered(side), side, way)].join());
  expect(new Set(laid).size).toBe(8);
  for (const [i, { transpose, flipRows, flipColumns }] of ways.entries()) {
    const slow = Array.from({ length: side * side }, (_, at) => {
      const [y, x] = [Math.floor(at / side), at % side];
      const row = flipRows ? side - 1 - y : y;
      const column = flipColumns ? side - 1 - x : x;
      return transpose ? column * side + row : row * side + column;
    });
    expect(laid[i]).toBe(slow.join());
  }
});

test("cropPlanes: mirrored twice or turned four times it is the image again", () => {
  const side = 6;
  const image = numbered(side);
  const mirrored = { ...upright, flipColumns: true };
  const turned = { transpose: true, flipRows: true, flipColumns: false };
  expect(lay(lay(image, side, mirrored), side, mirrored)).toEqual(image);
  let out: Float32Array = image;
  for (let turn = 0; turn < 4; turn++) out = lay(out, side, turned);
  expect(out).toEqual(image);
});

test("cropPlanes: turning after a crop and cropping what was turned are the same", () => {
  // A crop with unequal sides, so that a mix-up of the axes shows.
  const data = Float32Array.from({ length: 9 * 7 }, (_, i) => (i * 37) % 64);
  const box = { top: 2, left: 1, height: 5, width: 3 };
  const take = (way: (typeof ways)[number]) => {
    const out = new Float32Array(16);
    cropPlanes(
      { data, count: 1, height: 9, width: 7, perUnit: 1 },
      { ...box, ...way },
      { size: 4, antialias: true, out },
    );
    return out;
  };
  for (const way of ways) {
    const once = lay(take(upright), 4, way);
    for (const [i, value] of take(way).entries()) expect(value).toBeCloseTo(once[i]!, 4);
  }
});

test("cropPlanes: a factor of the values, planes and bytes come out the same as floats of one plane", () => {
  const side = 5;
  const bytes = Uint8Array.from({ length: 2 * side * side }, (_, i) => (i * 91) % 256);
  const crop: Crop = { top: 1, left: 0, height: 4, width: 3, ...upright, flipRows: true };
  const geometry = { height: side, width: side, perUnit: 1 };
  const both = new Float32Array(2 * 9);
  cropPlanes({ data: bytes, count: 2, ...geometry }, crop, { size: 3, antialias: true, out: both, scale: 0.5 });
  for (const plane of [0, 1]) {
    const one = new Float32Array(9);
    const data = Float32Array.from(bytes.subarray(plane * 25, plane * 25 + 25), (value) => value / 2);
    cropPlanes({ data, count: 1, ...geometry }, crop, { size: 3, antialias: true, out: one });
    for (const [i, value] of one.entries()) expect(both[plane * 9 + i]).toBeCloseTo(value, 4);
  }
});

test("cropPlanes: a sensor of 32 pixels a unit shows the same ground as one of a single pixel", () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(...ways), (seed, way) => {
      const units = [8, 6] as const;
      const perUnit = 32;
      // Ground coordinates as images: linear, so that resizing keeps them exactly in the middle of a crop.
      const east = (n: number) => (i: number) => ((i % (units[1] * n)) + 0.5) / n;
      const north = (n: number) => (i: number) => (Math.floor(i / (units[1] * n)) + 0.5) / n;
      const crop = { ...chooseCrop(createRandom(seed), units, { area: [0.3, 1] }), ...way };
      const size = 4;
      for (const ground of [east, north]) {
        const [coarse, fine] = [1, perUnit].map((n) => {
          const [height, width] = [units[0] * n, units[1] * n];
          const out = new Float32Array((size * n) ** 2);
          const data = Float32Array.from({ length: height * width }, (_, i) => ground(n)(i));
          cropPlanes({ data, count: 1, height, width, perUnit: n }, crop, { size: size * n, antialias: true, out });
          return out;
        });
        for (let y = 1; y < size - 1; y++) {
          for (let x = 1; x < size - 1; x++) {
            // The mean of the fine pixels inside a coarse one.
            let sum = 0;
            for (let v = 0; v < perUnit; v++) {
              for (let u = 0; u < perUnit; u++) sum += fine![(y * perUnit + v) * size * perUnit + x * perUnit + u]!;
            }
            expect(sum / perUnit ** 2).toBeCloseTo(coarse![y * size + x]!, 1);
          }
        }
      }
    }),
    { numRuns: 8 },
  );
});

test("cropMasks: the nearest pixel, turned as the image is", () => {
  const mask = Uint8Array.from({ length: 36 }, (_, i) => ((i * 7) % 5) & 1);
  for (const way of ways) {
    const crop = { top: 0, left: 0, height: 6, width: 6, ...way };
    const got = cropMasks({ data: mask, count: 1, height: 6, width: 6, perUnit: 1 }, crop, { size: 6 });
    expect([...got]).toEqual([...lay(Float32Array.from(mask), 6, way)]);
  }
  const crop = { top: 0, left: 3, height: 3, width: 3, ...upright };
  const got = cropMasks({ data: mask, count: 1, height: 6, width: 6, perUnit: 1 }, crop, { size: 6 });
  expect(got[0]).toBe(mask[3]);
  expect(got[1]).toBe(mask[3]);
  expect(got[35]).toBe(mask[2 * 6 + 5]);
});

test("chooseCrop: inside the place, within the ranges, and all of them come", () => {
  const random = createRandom(3);
  let [small, large, wide, tall] = [0, 0, 0, 0];
  for (let i = 0; i < 2000; i++) {
    const { top, left, height, width } = chooseCrop(random, [120, 90], { area: [0.2, 1] });
    expect(top >= 0 && left >= 0 && top + height <= 120 && left + width <= 90).toBe(true);
    const area = (height * width) / (120 * 90);
    // Half a pixel of rounding on each side.
    expect(area).toBeGreaterThan(0.18);
    expect(width / height).toBeGreaterThan(0.72);
    expect(width / height).toBeLessThan(1.39);
    if (area < 0.3) small++;
    if (area > 0.7) large++;
    if (width > height) wide++;
    else if (width < height) tall++;
  }
  for (const count of [small, large, wide, tall]) expect(count).toBeGreaterThan(100);
});

test("chooseCrop: the same seed draws the same crop; an area of one is the whole square", () => {
  const draw = (seed: number) => chooseCrop(createRandom(seed), [64, 64], { area: [0.3, 1] });
  expect(draw(5)).toEqual(draw(5));
  expect(draw(5)).not.toEqual(draw(6));
  const whole = { top: 0, left: 0, height: 64, width: 64 };
  expect(chooseCrop(createRandom(1), [64, 64], { area: [1, 1], aspect: [1, 1] })).toEqual(whole);
});

test("middle: the largest square, or the largest part whose aspect is allowed", () => {
  expect(middle([10, 16])).toEqual({ top: 0, left: 3, height: 10, width: 10 });
  expect(middle([16, 10])).toEqual({ top: 3, left: 0, height: 10, width: 10 });
  // A strip has no crop of the usual aspects: ten tries fail, and the middle is taken.
  expect(chooseCrop(createRandom(2), [3, 300], { area: [0.9, 1] })).toEqual({
    top: 0,
    left: 148,
    height: 3,
    width: 4,
  });
});

test("chooseOrientation: mirrors give 4 ways, quarter turns 4, both 8, and none 1", () => {
  const count = (options: { flips: boolean; rotations: boolean }) => {
    const random = createRandom(9);
    const ways = Array.from({ length: 400 }, () => lay(numbered(2), 2, chooseOrientation(random, options)).join());
    return new Set(ways);
  };
  expect(count({ flips: false, rotations: false })).toEqual(new Set(["0,1,2,3"]));
  expect(count({ flips: true, rotations: false })).toEqual(new Set(["0,1,2,3", "1,0,3,2", "2,3,0,1", "3,2,1,0"]));
  expect(count({ flips: false, rotations: true })).toEqual(new Set(["0,1,2,3", "1,3,0,2", "3,2,1,0", "2,0,3,1"]));
  expect(count({ flips: true, rotations: true }).size).toBe(8);
});

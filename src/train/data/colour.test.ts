import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { blur } from "./blur.ts";
import { brightness, contrast, grey, hue, jitter, saturation, solarise } from "./colour.ts";

const expected = JSON.parse(
  readFileSync(new URL("../../../fixtures/augment/expected.json", import.meta.url), "utf8"),
) as {
  source: { shape: [number, number]; values: number[] };
  colours: number[];
  hues: { turns: number; values: number[] }[];
  blurred: { sigma: number; values: number[] }[];
};

/** [pixels, 3] → [3, pixels] */
function bandMajor(values: readonly number[]): Float32Array {
  const pixels = values.length / 3;
  return Float32Array.from({ length: values.length }, (_, i) => values[(i % pixels) * 3 + Math.floor(i / pixels)]!);
}

function close(got: Float32Array, wanted: ArrayLike<number>, digits = 6): void {
  expect(got).toHaveLength(wanted.length);
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(wanted[i]!, digits);
}

const image = fc
  .array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 })
  .map((values) => Float32Array.from(values));

test.each(expected.hues)("hue: $turns turns as colorsys does it", ({ turns, values }) => {
  const got = bandMajor(expected.colours);
  hue(got, turns, got.length / 3);
  close(got, bandMajor(values));
});

test.each(expected.blurred)("blur: a deviation of $sigma as SciPy does it", ({ sigma, values }) => {
  const [height, width] = expected.source.shape;
  const got = Float32Array.from([...expected.source.values, ...expected.source.values]);
  blur(got, { height, width, sigma });
  close(got, [...values, ...values]);
});

test("blur: no deviation changes nothing, and an even image stays even", () => {
  const ground = Float32Array.from({ length: 30 }, (_, i) => i);
  const copy = ground.slice();
  blur(copy, { height: 5, width: 6, sigma: 0 });
  expect(copy).toEqual(ground);
  const even = new Float32Array(30).fill(0.25);
  blur(even, { height: 5, width: 6, sigma: 3 });
  close(even, new Float32Array(30).fill(0.25));
});

test("brightness, contrast, saturation and hue: factor one and no turn change nothing", () => {
  fc.assert(
    fc.property(image, (values) => {
      const got = values.slice();
      brightness(got, 1);
      contrast(got, 1, 4);
      saturation(got, 1, 4);
      hue(got, 0, 4);
      hue(got, 1 / 3, 4);
      hue(got, -1 / 3, 4);
      close(got, values, 5);
    }),
  );
});

test("brightness, contrast and saturation: the formulas of the docstrings, cut to 0…1", () => {
  const values = Float32Array.from([0.2, 0.8, 0.5, 0.1, 1, 0.3]); // two pixels: (0.2, 0.5, 1), (0.8, 0.1, 0.3)
  const greys = [0.2989 * 0.2 + 0.587 * 0.5 + 0.114, 0.2989 * 0.8 + 0.587 * 0.1 + 0.114 * 0.3] as const;
  const mean = (greys[0] + greys[1]) / 2;
  const cut = (value: number) => Math.min(1, Math.max(0, value));
  const check = (change: (image: Float32Array) => void, formula: (x: number, pixel: number) => number) => {
    const got = values.slice();
    change(got);
    close(
      got,
      [...values].map((x, i) => cut(formula(x, i % 2))),
    );
  };
  check(
    (x) => brightness(x, 1.5),
    (x) => 1.5 * x,
  );
  check(
    (x) => contrast(x, 1.8, 2),
    (x) => mean + 1.8 * (x - mean),
  );
  check(
    (x) => saturation(x, 1.8, 2),
    (x, p) => greys[p]! + 1.8 * (x - greys[p]!),
  );
  check(
    (x) => saturation(x, 0, 2),
    (_, p) => greys[p]!,
  );
  check(
    (x) => grey(x, 2),
    (_, p) => greys[p]!,
  );
  check(
    (x) => solarise(x, 0.5),
    (x) => (x >= 0.5 ? 1 - x : x),
  );
});

test("colour changes: a fourth band keeps out of hue, saturation and grey", () => {
  const values = Float32Array.from([0.1, 0.5, 0.9, 0.7]);
  for (const change of [
    (x: Float32Array) => hue(x, 0.3, 1),
    (x: Float32Array) => saturation(x, 0.2, 1),
    (x: Float32Array) => grey(x, 1),
  ]) {
    const got = values.slice();
    change(got);
    expect(got[3]).toBe(values[3]);
    expect([...got]).not.toEqual([...values]);
  }
});

test("jitter: strengths of zero change nothing; a seed gives the same; factors stay in their range", () => {
  const values = Float32Array.from([0.2, 0.8, 0.5, 0.1, 1, 0.3]);
  const run = (seed: number, options: Parameters<typeof jitter>[2]) => {
    const got = values.slice();
    jitter(got, 2, options, createRandom(seed));
    return [...got];
  };
  expect(run(1, {})).toEqual([...values]);
  const strong = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
  expect(run(1, strong)).toEqual(run(1, strong));
  expect(run(1, strong)).not.toEqual(run(2, strong));
  const factors = Array.from({ length: 300 }, (_, seed) => run(seed, { brightness: 0.4 })[0]! / values[0]!);
  expect(Math.min(...factors)).toBeGreaterThan(0.599);
  expect(Math.max(...factors)).toBeLessThan(1.401);
  expect(Math.min(...factors)).toBeLessThan(0.65);
  expect(Math.max(...factors)).toBeGreaterThan(1.35);
});

test("jitter: the order is drawn: brightness before contrast and after it give different images", () => {
  const values = Float32Array.from([0.2, 0.8, 0.5, 0.1, 1, 0.3]);
  const [first, second] = [values.slice(), values.slice()];
  brightness(first, 1.4);
  contrast(first, 1.4, 2);
  contrast(second, 1.4, 2);
  brightness(second, 1.4);
  expect([...first]).not.toEqual([...second]);
});

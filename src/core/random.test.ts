import { expect, test } from "vitest";
import { createRandom, resumeRandom } from "./random.ts";

const draw = <T>(count: number, next: () => T) => Array.from({ length: count }, next);

test("resumeRandom: the words are those of the reference implementation of xoshiro128**", () => {
  // State 1, 2, 3, 4; the first ten outputs of the C reference, as the Rust crate rand_xoshiro tests them too.
  const random = resumeRandom([1, 2, 3, 4]);
  expect(draw(10, random.uint32)).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

test("createRandom: a seed gives the same numbers for ever", () => {
  const random = createRandom(7, "stages.0.weight");
  expect([random.uint32(), random.uniform(), random.normal(), random.integer(10)]).toMatchInlineSnapshot(`
    [
      2651185991,
      0.26889561593998224,
      -0.6285040021419843,
      0,
    ]
  `);
});

test("createRandom: another seed or another key gives other numbers", () => {
  const firsts = [
    createRandom(1),
    createRandom(2),
    createRandom(1, "a"),
    createRandom(1, "b"),
    createRandom(1, "a", "b"),
  ];
  expect(new Set(firsts.map((random) => random.uint32())).size).toBe(5);
});

test("resumeRandom: goes on where the state was taken", () => {
  const random = createRandom(3);
  draw(10, random.normal);
  const resumed = resumeRandom(random.state());
  expect(draw(20, resumed.normal)).toEqual(draw(20, random.normal));
});

test("normal: quantiles are those of the published tables", () => {
  // The first word is 9·rotl(5·b, 7), and multiplying by 5, 9 and rotating can be undone: any uniform can be asked for.
  const inverse = (odd: number) => {
    let x = odd;
    for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(odd, x));
    return x;
  };
  const normalAt = (p: number) => {
    const word = Math.imul(Math.round(p * 2 ** 32 - 0.5), inverse(9));
    const b = Math.imul((word >>> 7) | (word << 25), inverse(5));
    return resumeRandom([1, b, 1, 1]).normal();
  };
  // Rounding p to 32 bits moves the quantile by up to 2⁻³³ / φ(z): below 1e-8 here.
  expect(normalAt(0.975)).toBeCloseTo(1.959963984540054, 7);
  expect(normalAt(0.025)).toBeCloseTo(-1.959963984540054, 7);
  expect(normalAt(0.5)).toBeCloseTo(0, 7);
  expect(normalAt(0.75)).toBeCloseTo(0.6744897501960817, 7);
  expect(normalAt(0.999)).toBeCloseTo(3.090232306167813, 6);
  expect(normalAt(0.00001)).toBeCloseTo(-4.264890793922825, 4);
});

test("normal: mean, variance, skewness and kurtosis are those of a normal distribution", () => {
  const values = draw(100_000, createRandom(11).normal);
  const moment = (k: number) => values.reduce((sum, x) => sum + x ** k, 0) / values.length;
  // Three standard errors of each moment at n = 100 000.
  expect(Math.abs(moment(1))).toBeLessThan(3 * Math.sqrt(1 / 1e5));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(3 * Math.sqrt(2 / 1e5));
  expect(Math.abs(moment(3))).toBeLessThan(3 * Math.sqrt(15 / 1e5));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(3 * Math.sqrt(96 / 1e5));
});

test("truncatedNormal: stays inside its bounds and keeps the shape inside", () => {
  const random = createRandom(5);
  const values = draw(20_000, () => random.truncatedNormal({ std: 0.02, min: -0.04, max: 0.04 }));
  expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.04);
  const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
  expect(variance / 0.02 ** 2).toBeCloseTo(0.7737, 1); // 1 − 4 φ(2) / (2 Φ(2) − 1)
});

test("integer: every value is equally frequent", () => {
  const random = createRandom(9);
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 70_000; i++) counts[random.integer(7)]!++;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  expect(chiSquare).toBeLessThan(22.5); // 0.1 % point at 6 degrees of freedom
});

test("shuffle: keeps what is there, and every place is equally likely", () => {
  const random = createRandom(2);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 10_000; i++) {
    const items = random.shuffle(Uint8Array.of(0, 1, 2, 3, 4));
    expect([...items].sort()).toEqual([0, 1, 2, 3, 4]);
    counts[items.indexOf(0)]!++;
  }
  const chiSquare = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
  expect(chiSquare).toBeLessThan(18.5); // 0.1 % point at 4 degrees of freedom
});

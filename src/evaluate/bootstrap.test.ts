import { expect, test } from "vitest";
import { bootstrap, overSeeds } from "./bootstrap.ts";

const share = (right: readonly number[]) => (indices: Int32Array) => ({
  OA: indices.reduce((sum, i) => sum + right[i]!, 0) / indices.length,
});

test("bootstrap: the interval of a share agrees with the normal approximation", () => {
  const right = Array.from({ length: 500 }, (_, i) => (i < 450 ? 1 : 0));
  const { OA } = bootstrap(500, share(right), { seed: 0 });
  const half = 1.96 * Math.sqrt((0.9 * 0.1) / 500);
  expect(OA.low).toBeCloseTo(0.9 - half, 2);
  expect(OA.high).toBeCloseTo(0.9 + half, 2);
});

test("bootstrap: the same seed gives the same interval, another one another", () => {
  const right = [1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1];
  const draw = (seed: number) => bootstrap(13, (i) => ({ OA: share(right)(i).OA ** 1.01 }), { seed, draws: 50 });
  expect(draw(3)).toEqual(draw(3));
  expect(draw(3)).not.toEqual(draw(4));
});

test("bootstrap: draws without a number are left out", () => {
  const { OA } = bootstrap(4, (i) => ({ OA: i[0] === 0 ? Number.NaN : 0.5 }), { seed: 0 });
  expect(OA).toEqual({ low: 0.5, high: 0.5 });
});

test("bootstrap: one item has no interval", () => {
  expect(bootstrap(1, share([1]), { seed: 0 }).OA).toEqual({ low: Number.NaN, high: Number.NaN });
});

test("overSeeds: mean and sample standard deviation", () => {
  expect(overSeeds([1, 2, 3])).toEqual({ mean: 2, std: 1 });
  expect(overSeeds([1]).std).toBeNaN();
});

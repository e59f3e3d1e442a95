import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { chooseMix, mixImages } from "./mix.ts";
import { mixSamples } from "./mix-samples.ts";

const sensors = { hr: { size: 4, bands: ["R"] }, s2: { size: 2, bands: ["B02"] } };
const one = (size: number, value: number) => ({
  data: new Float32Array(size * size).fill(value),
  dates: [undefined],
  mask: undefined,
});
const sample = (id: string, value: number, labels: number[]) => ({
  id,
  labels: Float32Array.from(labels),
  place: { hr: one(4, value), s2: one(2, value) },
});

test("mixImages: MixUp is the weighted mean both ways; a weight of one changes nothing", () => {
  const [a, b] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8)];
  expect(mixImages(a, b, 2, { kind: "mixUp", own: 1 })).toBe(1);
  expect([...a, ...b]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(mixImages(a, b, 2, { kind: "mixUp", own: 0.75 })).toBe(0.75);
  expect([...a]).toEqual([2, 3, 4, 5]);
  expect([...b]).toEqual([4, 5, 6, 7]);
});

test("mixImages: CutMix exchanges a box, and its weight is the share outside", () => {
  const numbers = (from: number) => Float32Array.from({ length: 32 }, (_, i) => from + i); // two bands of 4 × 4
  const [a, b] = [numbers(0), numbers(100)];
  expect(mixImages(a, b, 4, { kind: "cutMix", box: [0.25, 0.5, 0.5, 0.5] })).toBe(1 - 4 / 16);
  const inside = [6, 7, 10, 11, 22, 23, 26, 27];
  for (let i = 0; i < 32; i++) {
    expect(a[i]).toBe(inside.includes(i) ? 100 + i : i);
    expect(b[i]).toBe(inside.includes(i) ? i : 100 + i);
  }
  mixImages(a, b, 4, { kind: "cutMix", box: [0.25, 0.5, 0.5, 0.5] });
  expect([...a]).toEqual([...numbers(0)]);
});

test("mixSamples: one box for all sensors, of whole pixels of the coarsest, and labels by its area", () => {
  const [a, b] = [sample("a", 0, [1, 0]), sample("b", 1, [0, 1])];
  mixSamples(a, b, { kind: "cutMix", box: [0.4, 0.45, 0.6, 0.5] }, { sensors });
  // Of two Sentinel pixels a side: rows 1 to 2 and columns 1 to 2.
  expect([...a.place.s2.data]).toEqual([0, 0, 0, 1]);
  expect([...a.place.hr.data]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1]);
  expect([...a.labels, ...b.labels]).toEqual([0.75, 0.25, 0.25, 0.75]);
});

test("mixSamples: series and images with nodata are refused by name", () => {
  const [a, b] = [sample("a.tif", 0, [1, 0]), sample("b.tif", 1, [0, 1])];
  const masked = { ...b, place: { ...b.place, s2: { ...b.place.s2, mask: new Uint8Array(4) } } };
  expect(() => mixSamples(a, masked as never, { kind: "mixUp", own: 0.5 }, { sensors })).toThrow(
    "MixUp and CutMix need one whole s2 image of every place (b.tif)",
  );
  const lacking = { ...b, place: { hr: b.place.hr } };
  expect(() => mixSamples(a, lacking as never, { kind: "mixUp", own: 0.5 }, { sensors })).toThrow("(b.tif)");
});

test("chooseMix: as often as asked for, half of each kind, weights of Beta(α, α)", () => {
  const random = createRandom(4);
  const draws = Array.from({ length: 8000 }, () => chooseMix({ probability: 0.5, mixUp: 0.4, cutMix: 1 }, random));
  const mixUps = draws.flatMap((mix) => (mix?.kind === "mixUp" ? [mix.own] : []));
  const boxes = draws.flatMap((mix) => (mix?.kind === "cutMix" ? [mix.box] : []));
  expect(mixUps.length / 8000).toBeCloseTo(0.25, 1);
  expect(boxes.length / 8000).toBeCloseTo(0.25, 1);
  const mean = mixUps.reduce((a, b) => a + b) / mixUps.length;
  const variance = mixUps.reduce((sum, own) => sum + (own - mean) ** 2, 0) / mixUps.length;
  expect(mean).toBeCloseTo(0.5, 1);
  expect(variance).toBeCloseTo(1 / (4 * (2 * 0.4 + 1)), 2); // of Beta(α, α): 1 / (4 (2α + 1))
  for (const [top, left, height, width] of boxes) {
    expect(top >= 0 && left >= 0 && top + height <= 1 + 1e-9 && left + width <= 1 + 1e-9).toBe(true);
  }
  expect(chooseMix({}, random)).toBeUndefined();
  expect(chooseMix({ mixUp: 0.2 }, random)?.kind).toBe("mixUp");
  expect(chooseMix({ cutMix: 1 }, random)?.kind).toBe("cutMix");
});

import { expect, test } from "vitest";
import { quantileStretch, stretched, trueColour } from "./picture.ts";

test("quantileStretch: outliers saturate instead of darkening the rest", () => {
  const values = [...Array.from({ length: 1000 }, (_, i) => i), 1e9, Number.NaN];
  const stretch = quantileStretch(values);
  expect(stretch).toEqual({ low: 10, high: 990 });
  expect(stretched(500, stretch)).toBeCloseTo(0.5);
  expect(stretched(1e9, stretch)).toBe(1);
  expect(quantileStretch([])).toEqual({ low: 0, high: 1 });
  expect(stretched(7, { low: 7, high: 7 })).toBe(0.5);
});

test("trueColour: aerial images are shown as they are, whatever the order of their bands", () => {
  const data = Float32Array.from([10, 20, 30, 40, 1, 2, 3, 4, 200, 210, 220, 230, 90, 90, 90, 90]);
  const bands = ["B", "NIR", "R", "G"];
  const { rgba } = trueColour(
    { data, shape: [1, 4, 2, 2], bands, mask: new Uint8Array([1, 1, 1, 0]) },
    { sensor: "hr" },
  );
  expect([...rgba.subarray(0, 4)]).toEqual([200, 90, 10, 255]);
  expect([...rgba.subarray(12)]).toEqual([0, 0, 0, 0]);
});

test("trueColour: Sentinel-1 shows VV, VH and their difference of the chosen date", () => {
  const first = new Array(202).fill(0);
  const vv = Array.from({ length: 101 }, (_, i) => -20 + i / 10);
  const vh = Array.from({ length: 101 }, (_, i) => -25 + i / 20);
  const stack = {
    data: Float32Array.from([...first, ...vv, ...vh]),
    shape: [2, 2, 1, 101] as const,
    bands: ["VV", "VH"],
  };
  const { rgba } = trueColour(stack, { sensor: "s1", date: 1 });
  expect([...rgba.subarray(4 * 50, 4 * 50 + 4)]).toEqual([128, 128, 128, 255]);
  expect([...rgba.subarray(0, 4)]).toEqual([0, 0, 0, 255]);
});

test("trueColour: one unnamed band is grey", () => {
  const stack = { data: Float32Array.from([0, 50, 100]), shape: [1, 1, 1, 3] as const, bands: ["band 1"] };
  const { rgba } = trueColour(stack, { sensor: "s2" });
  expect([...rgba.subarray(4, 8)]).toEqual([128, 128, 128, 255]);
});

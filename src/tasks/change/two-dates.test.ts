import { expect, test } from "vitest";
import { dateOf, datesAsBands } from "./two-dates.ts";

test("datesAsBands: each date comes back as it was, in the bands that make a picture", () => {
  const bands = ["B02", "B03", "B04", "B08"];
  const data = Float32Array.from({ length: 2 * 4 * 2 }, (_, i) => i);
  const mask = Uint8Array.of(1, 1, 0, 1);
  const { of, bands: names } = datesAsBands("s2", bands);
  expect(names).toEqual(["before B04", "before B03", "before B02", "after B04", "after B03", "after B02"]);
  const both = of({ data, shape: [2, 4, 1, 2], bands, mask });
  expect([...both.mask!]).toEqual([0, 1]);
  const [before, after] = [dateOf(both, 0), dateOf(both, 1)];
  expect(before.bands).toEqual(["B04", "B03", "B02"]);
  expect([...before.data]).toEqual([4, 5, 2, 3, 0, 1]);
  expect([...after.data]).toEqual([12, 13, 10, 11, 8, 9]);
});

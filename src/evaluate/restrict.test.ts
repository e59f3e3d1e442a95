import { expect, test } from "vitest";
import type { ImageStack, Place } from "../core/place.ts";
import { describeRestriction, restrictPlace } from "./restrict.ts";

/** Every number says its date; the dates of `masked` have no valid pixel. */
function series(dates: number, { bands, masked = [] }: { bands: string[]; masked?: number[] }): ImageStack {
  const pixels = 4;
  return {
    data: Float32Array.from({ length: dates * bands.length * pixels }, (_, i) =>
      Math.floor(i / bands.length / pixels),
    ),
    shape: [dates, bands.length, 2, 2],
    bands,
    mask: Uint8Array.from({ length: dates * pixels }, (_, i) => (masked.includes(Math.floor(i / pixels)) ? 0 : 1)),
    dates: Array.from({ length: dates }, (_, t) => `2020-01-0${t + 1}`),
  };
}

const place: Place = {
  location: { longitude: 1, latitude: 2 },
  s2: series(7, { bands: ["B02", "B03"], masked: [3] }),
  s1: series(2, { bands: ["VV"] }),
};

test("restrictPlace: with nothing said, all is left as it is", () => {
  expect(restrictPlace(place, {})).toEqual(place);
});

test("restrictPlace: other sensors are gone, the location stays", () => {
  expect(restrictPlace(place, { sensors: ["s1"] })).toEqual({ location: place.location, s1: place.s1 });
});

test("restrictPlace: dates are chosen evenly among those that show something, with their values and masks", () => {
  const { s2, s1 } = restrictPlace(place, { dates: 3 });
  expect(s2!.dates).toEqual(["2020-01-02", "2020-01-05", "2020-01-07"]);
  expect(s2!.shape).toEqual([3, 2, 2, 2]);
  expect([...new Set(s2!.data)]).toEqual(s2!.dates!.map((date) => Number(date!.slice(-1)) - 1));
  expect(s2!.mask!.every((valid) => valid === 1)).toBe(true);
  expect(s1).toEqual(place.s1);
});

test("restrictPlace: one date is the one in the middle", () => {
  expect(restrictPlace(place, { dates: 1 }).s2!.dates).toEqual(["2020-01-05"]);
});

test("restrictPlace: a place with none of the sensors is refused", () => {
  expect(() => restrictPlace({ s1: place.s1! }, { sensors: ["s2", "hr"] })).toThrow(
    "images of s2 and hr are wanted, but the place has s1. Choose others by --sensors.",
  );
});

test("describeRestriction: is what a table says", () => {
  expect(describeRestriction({})).toBeUndefined();
  expect(describeRestriction({ sensors: ["s2", "s1"], dates: 1 })).toBe("S2 and S1, 1 date");
});

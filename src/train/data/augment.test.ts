import { expect, test } from "vitest";
import type { Place } from "../../core/place.ts";
import { createRandom } from "../../core/random.ts";
import { profiles } from "../../imagery/sensor/profiles.ts";
import { augment, type Recipe } from "./augment.ts";
import { keepPlace } from "./kept-place.ts";
import { changeBackscatter, changeReflectance, speckle } from "./sentinel.ts";

const rgb = ["R", "G", "B"];

function stack(dates: number, bands: readonly string[], side: number, value: (i: number) => number) {
  const data = Float32Array.from({ length: dates * bands.length * side * side }, (_, i) => value(i));
  return { data, shape: [dates, bands.length, side, side] as const, bands };
}

const picture = (side: number): Place => ({ hr: stack(1, rgb, side, (i) => (i * 37) % 256) });

test("keepPlace: bytes, 16 bits or floats, whatever holds the values exactly", () => {
  const kept = (values: number[]) =>
    keepPlace({ s2: { data: Float32Array.from(values), shape: [1, 1, 1, values.length], bands: ["B02"] } }).s2!.data;
  for (const [values, type] of [
    [[0, 255, 3], Uint8Array],
    [[0, 256, 3], Int16Array],
    [[-1, 3], Int16Array],
    [[0, 40000], Float32Array],
    [[0.5, 1], Float32Array],
    [[Number.NaN, 1], Float32Array],
  ] as const) {
    expect(kept([...values])).toBeInstanceOf(type);
    expect([...kept([...values])]).toEqual([...values]);
  }
});

test("augment: without changes at the image's own size it is the normalised image", () => {
  const { hr } = augment(keepPlace(picture(6)), { sensors: { hr: { size: 6, bands: rgb } } }, createRandom(1));
  const source = picture(6).hr!.data;
  for (const [i, value] of hr!.data.entries()) {
    const { mean, std } = profiles.hr.bands[Math.floor(i / 36)]!.normalisation!;
    expect(value).toBeCloseTo((source[i]! / 255 - mean) / std, 5);
  }
  expect(hr).toMatchObject({ dates: [undefined], mask: undefined });
});

test("augment: identity parameters of every change give the same as no change", () => {
  const sensors = { hr: { size: 6, bands: rgb } };
  const identity: Recipe = {
    sensors,
    crop: { area: [1, 1], aspect: [1, 1] },
    jitter: { brightness: 0, contrast: 0, saturation: 0, hue: 0 },
    grey: 0,
    blur: { probability: 1, sigma: [0, 0] },
    solarise: { probability: 1, threshold: 2 },
  };
  const run = (recipe: Recipe) => augment(keepPlace(picture(6)), recipe, createRandom(1)).hr!.data;
  expect(run(identity)).toEqual(run({ sensors }));
});

test("augment: the same seed gives the same image, another seed another", () => {
  const recipe: Recipe = {
    sensors: { hr: { size: 8, bands: rgb } },
    crop: { area: [0.3, 1] },
    flips: true,
    rotations: true,
    jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
    grey: 0.2,
    blur: { probability: 0.5, sigma: [0.1, 2] },
    solarise: { probability: 0.2 },
  };
  const run = (seed: number) => augment(keepPlace(picture(12)), recipe, createRandom(seed)).hr!.data;
  const images = [1, 2, 3, 4, 5, 6].map(run);
  expect(run(1)).toEqual(images[0]);
  expect(new Set(images.map((image) => image.join())).size).toBe(6);
  for (const image of images) expect(image.every(Number.isFinite)).toBe(true);
});

test("augment: all sensors and dates of a place show the same ground", () => {
  // Every pixel holds the number of its ground cell, in all sensors.
  const [cells, k] = [8, 4];
  const cellOf = (side: number, per: number) => (i: number) => {
    const [y, x] = [Math.floor((i % side ** 2) / side), i % side];
    return Math.floor(y / per) * cells + Math.floor(x / per);
  };
  const place = keepPlace({
    hr: stack(2, rgb, cells * k, cellOf(cells * k, k)),
    s2: stack(3, ["B02", "B03"], cells, cellOf(cells, 1)),
    s1: stack(1, ["VV", "VH"], cells, cellOf(cells, 1)),
  });
  // Of whole cells in their own size, so that numbers stay numbers.
  const recipe: Recipe = {
    sensors: {
      hr: { size: 4 * k, bands: ["R"] },
      s2: { size: 4, bands: ["B03"] },
      s1: { size: 4, bands: ["VV"] },
    },
    crop: { area: [0.25, 0.25], aspect: [1, 1] },
    flips: true,
    rotations: true,
  };
  const seen = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const { hr, s2, s1 } = augment(place, recipe, createRandom(seed));
    const undo = (data: Float32Array, sensor: "hr" | "s2" | "s1", band: string) => {
      const { mean, std } = profiles[sensor].bands.find(({ name }) => name === band)!.normalisation!;
      return [...data].map((value) => Math.round((value * std + mean) * profiles[sensor].div));
    };
    const [fine, red, vv] = [undo(hr!.data, "hr", "R"), undo(s2!.data, "s2", "B03"), undo(s1!.data, "s1", "VV")];
    const ground = vv.join();
    seen.add(ground);
    for (let t = 0; t < 3; t++) expect(red.slice(t * 16, (t + 1) * 16).join()).toBe(ground);
    for (const [i, cell] of fine.entries()) {
      const [y, x] = [Math.floor((i % (4 * k) ** 2) / (4 * k)), i % (4 * k)];
      expect(cell).toBe(vv[Math.floor(y / k) * 4 + Math.floor(x / k)]);
    }
  }
  expect(seen.size).toBeGreaterThan(15);
});

test("augment: masks go where their pixels go, and dates stay with their images", () => {
  const side = 8;
  const dates = ["2023-01-01", "2023-02-01", "2023-03-01", undefined];
  // Value 10·t + 1000 where valid, 0 where not.
  const valid = (t: number, p: number) => ((p * 5 + t) % 7 < 4 ? 1 : 0);
  const data = new Float32Array(4 * side * side);
  const mask = new Uint8Array(4 * side * side);
  for (let i = 0; i < data.length; i++) {
    const t = Math.floor(i / side ** 2);
    mask[i] = valid(t, i % side ** 2);
    data[i] = mask[i] ? 1000 + 10 * t : 0;
  }
  const place = keepPlace({ s2: { data, shape: [4, 1, side, side], bands: ["B02"], mask, dates } });
  const recipe: Recipe = {
    sensors: { s2: { size: 4, bands: ["B02"], dates: 2 } },
    crop: { area: [0.25, 0.25], aspect: [1, 1] },
    rotations: true,
    flips: true,
  };
  const chosen = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    const { s2 } = augment(place, recipe, createRandom(seed));
    expect(s2!.dates).toHaveLength(2);
    const [first, second] = s2!.dates.map((date) => dates.indexOf(date));
    expect(first).toBeLessThan(second!);
    chosen.add(`${first} ${second}`);
    const { mean, std } = profiles.s2.bands[0]!.normalisation!;
    for (const [i, value] of s2!.data.entries()) {
      const reflectance = Math.round(value * std + mean);
      expect(reflectance).toBe(s2!.mask![i] ? 1000 + 10 * [first!, second!][Math.floor(i / 16)]! : 0);
    }
  }
  expect(chosen.size).toBe(6);
});

test("augment: bands come in the order of the recipe", () => {
  const bands = ["B02", "B03", "B04", "B08"];
  const place = keepPlace({ s2: stack(1, bands, 1, (i) => 1000 * i) });
  const recipe: Recipe = { sensors: { s2: { size: 1, bands: ["B08", "B03", "B04"] } } };
  const { s2 } = augment(place, recipe, createRandom(1));
  const wanted = [3000, 1000, 2000].map((value, i) => {
    const { mean, std } = profiles.s2.bands.find(({ name }) => name === ["B08", "B03", "B04"][i])!.normalisation!;
    return (value - mean) / std;
  });
  for (const [i, value] of s2!.data.entries()) expect(value).toBeCloseTo(wanted[i]!, 5);
});

test("augment: a place that cannot be used says why", () => {
  const run = (place: Place, sensors: Recipe["sensors"]) => () =>
    augment(keepPlace(place), { sensors }, createRandom(1));
  const s2 = stack(1, ["B02"], 4, () => 1);
  expect(run({ s2 }, { hr: { size: 4, bands: rgb } })).toThrow("it has no image of a sensor that is asked for");
  expect(run({ s2 }, { s2: { size: 4, bands: ["B02", "B8A"] } })).toThrow("it has the s2 bands B02, without B8A");
  expect(
    run({ s2, hr: stack(1, rgb, 6, () => 1) }, { s2: { size: 4, bands: ["B02"] }, hr: { size: 6, bands: rgb } }),
  ).toThrow("images of 6 × 6, 4 × 4 pixels are not on one lattice");
});

test("changeReflectance: strengths of zero change nothing; otherwise one gain and offset a band", () => {
  const image = Float32Array.from([100, 200, 300, 1000, 2000, 4000]);
  const still = image.slice();
  changeReflectance(still, [50, 500], {}, createRandom(1));
  expect(still).toEqual(image);
  const changed = image.slice();
  changeReflectance(changed, [50, 500], { gain: 0.1, offset: 0.05 }, createRandom(1));
  for (const band of [0, 3]) {
    const gain = (changed[band + 1]! - changed[band]!) / (image[band + 1]! - image[band]!);
    expect(gain).toBeGreaterThan(0.9);
    expect(gain).toBeLessThan(1.1);
    expect(changed[band + 2]! - changed[band]!).toBeCloseTo(gain * (image[band + 2]! - image[band]!), 1);
  }
});

test("changeBackscatter: a gain of the linear value is an offset in decibels, speckle differs by pixel", () => {
  const image = new Float32Array(2000).fill(-12);
  const still = image.slice();
  changeBackscatter(still, [5, 5], {}, createRandom(1));
  expect(still).toEqual(image);
  const shifted = image.slice();
  changeBackscatter(shifted, [5, 5], { gain: 0.1 }, createRandom(1));
  expect(new Set(shifted.subarray(0, 1000)).size).toBe(1);
  expect(Math.abs(shifted[0]! + 12)).toBeLessThanOrEqual(10 * Math.log10(1 / 0.9) + 1e-6);
  changeBackscatter(still, [5, 5], { speckleLooks: 4 }, createRandom(1));
  expect(new Set(still).size).toBeGreaterThan(1900);
  const linear = [...still].map((value) => 10 ** (value / 10));
  const mean = linear.reduce((a, b) => a + b) / linear.length;
  expect(mean / 10 ** -1.2).toBeGreaterThan(0.95);
  expect(mean / 10 ** -1.2).toBeLessThan(1.05);
});

test.each([1, 4, 10])("speckle: %i looks have mean one, variance 1/L and skewness 2/√L", (looks) => {
  const random = createRandom(11);
  const values = Array.from({ length: 40_000 }, () => speckle(looks, random));
  const mean = values.reduce((a, b) => a + b) / values.length;
  const moment = (power: number) => values.reduce((sum, x) => sum + (x - mean) ** power, 0) / values.length;
  expect(mean).toBeCloseTo(1, 1);
  expect(moment(2) * looks).toBeCloseTo(1, 1);
  expect(moment(3) / moment(2) ** 1.5 / (2 / Math.sqrt(looks))).toBeCloseTo(1, 0);
});

test("augment: where bands may be missing they are zero, and the others make up for them", () => {
  const [four, two] = [
    ["B02", "B03", "B04", "B08"],
    ["B08", "B03"],
  ];
  const run = (bands: readonly string[], someBands: boolean) => {
    const place = keepPlace({ s2: stack(1, bands, 2, (i) => 1000 + i) });
    return augment(place, { sensors: { s2: { size: 2, bands: four, someBands } } }, createRandom(1)).s2!.data;
  };
  const alone = (band: string, at: number) =>
    [0, 1, 2, 3].map((p) => {
      const { mean, std } = profiles.s2.bands.find(({ name }) => name === band)!.normalisation!;
      return (2 * (1000 + at + p - mean)) / std;
    });
  const expected = [[0, 0, 0, 0], alone("B03", 4), [0, 0, 0, 0], alone("B08", 0)].flat();
  for (const [i, value] of run(two, true).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  expect(run(four, true)).toEqual(run(four, false));
  expect(() => run(two, false)).toThrow("without B02");
  expect(() => run(["B01"], true)).toThrow("without B02");
});

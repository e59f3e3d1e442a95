import fc from "fast-check";
import { expect, test } from "vitest";
import { normalise } from "./normalise.ts";
import { profiles } from "./profiles.ts";

test("normalise: the published means become 0 and one standard deviation more becomes 1", () => {
  for (const profile of Object.values(profiles)) {
    const bands = profile.bands.filter((band) => band.normalisation !== undefined);
    const names = bands.map((band) => band.name);
    const data = Float32Array.from(
      bands.flatMap(({ normalisation: n }) => [n!.mean * profile.div, (n!.mean + n!.std) * profile.div]),
    );
    const out = normalise({ data, shape: [1, bands.length, 1, 2], bands: names }, profile);
    for (let b = 0; b < bands.length; b++) {
      expect(out[2 * b]).toBeCloseTo(0, 5);
      expect(out[2 * b + 1]).toBeCloseTo(1, 5);
    }
  }
});

test("normalise: HR agrees with the downstream constants on 0–255", () => {
  const { data } = { data: Float32Array.from([0, 128, 255]) };
  const out = normalise({ data, shape: [1, 3, 1, 1], bands: ["R", "G", "B"] }, profiles.hr);
  expect(out[0]).toBeCloseTo((0 - 123.675) / 58.395, 5);
  expect(out[1]).toBeCloseTo((128 - 116.28) / 57.12, 5);
  expect(out[2]).toBeCloseTo((255 - 103.53) / 57.375, 5);
});

test("normalise: masked pixels are 0 whatever stands there, or kept when asked", () => {
  fc.assert(
    fc.property(fc.float({ min: -1e6, max: 1e6, noNaN: true }), (value) => {
      const stack = {
        data: Float32Array.from([value, value]),
        shape: [1, 1, 1, 2] as const,
        bands: ["VV"],
        mask: Uint8Array.of(0, 1),
      };
      const [masked, valid] = normalise(stack, profiles.s1);
      expect(masked).toBe(0);
      expect(normalise(stack, profiles.s1, { masked: "keep" })[0]).toBe(valid);
    }),
  );
});

test("normalise: a band that the model does not take is a bug of ours", () => {
  const stack = { data: new Float32Array(1), shape: [1, 1, 1, 1] as const, bands: ["B10"] };
  expect(() => normalise(stack, profiles.s2)).toThrow("internal: s2 has no normalisation for band B10");
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SensorName } from "../../core/place.ts";
import { statistics } from "./statistics.ts";
import { convert, unitConversion } from "./unit-names.ts";
import { decideUnits, type UnitClaims } from "./units.ts";

/** Values between two numbers, evenly spread. */
const spread = (from: number, to: number, whole = true) =>
  Array.from({ length: 1000 }, (_, i) => from + ((to - from) * i) / 999).map((v) => (whole ? Math.round(v) : v));

const decide = (sensor: SensorName, values: number[], type: string, claims: UnitClaims = {}) =>
  decideUnits(sensor, claims, { all: statistics(values), type });

/** The value in the profile's unit, or the code of the refusal and its remedy. */
function outcome(...args: Parameters<typeof decide>): (value: number) => number | string {
  const verdict = decide(...args);
  return (value) =>
    verdict.ok ? convert(verdict.conversion, value) : `${verdict.code} ${JSON.stringify(verdict.fields)}`;
}

describe("Sentinel-2", () => {
  test("decideUnits: reflectance × 10000 is what whole numbers in the thousands are", () => {
    expect(outcome("s2", spread(50, 6000), "uint16")(1234)).toBe(1234);
    expect(outcome("s2", spread(-300, 6000), "int16")(-20)).toBe(-20);
  });
  test("decideUnits: reflectance 0–1 is refused, and converted when said", () => {
    expect(outcome("s2", spread(0, 0.6, false), "float32")(0.1)).toBe('UNITS_0_TO_1 {"units":"reflectance"}');
    expect(outcome("s2", spread(0, 0.6, false), "float32", { units: "reflectance" })(0.1)).toBeCloseTo(1000, 9);
  });
  test("decideUnits: an 8-bit picture is no reflectance", () => {
    expect(outcome("s2", spread(3, 255), "uint8")(1)).toMatch(/^UNITS_8_BIT/);
    expect(outcome("s2", spread(3, 255), "uint16")(1)).toMatch(/^UNITS_8_BIT/);
  });
  test("decideUnits: the offset is in the file's numbers", () => {
    expect(outcome("s2", spread(1000, 6000), "uint16", { offset: -1000 })(1500)).toBe(500);
    const scaled: UnitClaims = { units: "reflectance", offset: -0.1 };
    expect(outcome("s2", spread(0.1, 0.6, false), "float32", scaled)(0.15)).toBeCloseTo(500, 9);
  });
  test("decideUnits: GDAL's scale and offset are applied", () => {
    const file = { scale: 1e-4, offset: -0.1 };
    expect(outcome("s2", spread(1000, 6000), "uint16", { file })(1500)).toBeCloseTo(500, 9);
  });
  test("decideUnits: a claim that gives no surface is refused unless the check is off", () => {
    const claims: UnitClaims = { units: "reflectance" };
    expect(outcome("s2", spread(50, 6000), "uint16", claims)(1)).toMatch(/^UNITS_IMPLAUSIBLE/);
    expect(outcome("s2", spread(50, 6000), "uint16", { ...claims, check: false })(1)).toBe(10_000);
  });
});

describe("Sentinel-1", () => {
  test("decideUnits: dB is taken as it is", () => {
    expect(outcome("s1", spread(-28, 2, false), "float32")(-12.5)).toBe(-12.5);
  });
  test("decideUnits: linear power is refused, and converted when said", () => {
    expect(outcome("s1", spread(0.002, 0.4, false), "float32")(0.1)).toBe('UNITS_LINEAR {"units":"power"}');
    expect(outcome("s1", spread(0.002, 0.4, false), "float32", { units: "power" })(0.1)).toBeCloseTo(-10, 9);
    expect(outcome("s1", spread(0.05, 0.7, false), "float32", { units: "amplitude" })(0.1)).toBeCloseTo(-20, 9);
  });
  test("decideUnits: dB × 100 is refused, and converted when said", () => {
    expect(outcome("s1", spread(-2800, 200), "int16")(-1250)).toBe('UNITS_SCALED_DB {"units":"dB*100"}');
    expect(outcome("s1", spread(-2800, 200), "int16", { units: "dB*100" })(-1250)).toBeCloseTo(-12.5, 9);
    expect(outcome("s1", spread(-280000, 20000), "int32")(1)).toBe('UNITS_SCALED_DB {"units":"dB*10000"}');
  });
  test("decideUnits: saying dB × 100 of dB is refused", () => {
    expect(outcome("s1", spread(-28, 2, false), "float32", { units: "dB*100" })(1)).toBe(
      'UNITS_IMPLAUSIBLE {"units":"dB"}',
    );
  });
  test("decideUnits: uncalibrated numbers are refused; with their calibration they are amplitudes", () => {
    expect(outcome("s1", spread(100, 9000), "uint16")(1)).toMatch(/^UNITS_UNKNOWN/);
    // WorldCereal: dB = 20 · log10(value) − 83.
    const claims: UnitClaims = { units: "amplitude", scale: 10 ** (-83 / 20) };
    expect(outcome("s1", spread(1000, 9000), "uint16", claims)(2000)).toBeCloseTo(20 * Math.log10(2000) - 83, 9);
  });
});

describe("HR", () => {
  test("decideUnits: 8 bits are 0–255", () => {
    expect(outcome("hr", spread(3, 240), "uint8")(17)).toBe(17);
  });
  test("decideUnits: 16 bits, 8 bits in 16, and 0–1 are refused with the likely units", () => {
    expect(outcome("hr", spread(100, 1900), "uint16")(1)).toBe('UNITS_16_BIT {"units":"0-2047"}');
    expect(outcome("hr", spread(0, 255), "uint16")(1)).toBe('UNITS_8_BIT {"units":"0-255"}');
    expect(outcome("hr", spread(0, 1, false), "float32")(1)).toBe('UNITS_0_TO_1 {"units":"0-1"}');
    expect(outcome("hr", spread(0, 1), "uint8")(1)).toBe('UNITS_8_BIT {"units":"0-1"}');
    expect(outcome("hr", spread(100, 1900), "uint16", { units: "0-2047" })(2047)).toBe(255);
  });
});

test("unitConversion: units of another sensor are none", () => {
  expect(unitConversion("s2", "dB*100")).toBeUndefined();
  expect(unitConversion("s1", "reflectance")).toBeUndefined();
  expect(unitConversion("hr", "0-0")).toBeUndefined();
  expect(decide("s2", spread(1, 2), "uint16", { units: "dB" })).toMatchObject({ ok: false, code: "UNITS_UNKNOWN" });
});

test("convert: dB times a factor and linear power agree", () => {
  fc.assert(
    fc.property(fc.double({ min: -40, max: 20, noNaN: true }), fc.integer({ min: 1, max: 10_000 }), (dB, factor) => {
      expect(convert(unitConversion("s1", `dB*${factor}`)!, dB * factor)).toBeCloseTo(dB, 8);
      expect(convert(unitConversion("s1", "power")!, 10 ** (dB / 10))).toBeCloseTo(dB, 8);
      expect(convert(unitConversion("s1", "amplitude")!, 10 ** (dB / 20))).toBeCloseTo(dB, 8);
    }),
  );
});

test("statistics: agree with sorting by hand and leave out what is not finite", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9999, max: 9999 }), { minLength: 1, maxLength: 300 }), (values) => {
      const s = statistics([...values, Number.NaN, Number.POSITIVE_INFINITY]);
      const sorted = values.toSorted((a, b) => a - b);
      expect(s).toMatchObject({ min: sorted[0], max: sorted.at(-1), whole: true, count: values.length + 2 });
      expect(s.median).toBe(sorted[Math.floor(values.length / 2)]);
      expect(s.mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 6);
    }),
  );
  expect(statistics([Number.NaN])).toMatchObject({ valid: 0, min: Number.NaN, whole: false });
});

describe("HR units", () => {
  test("decideUnits: 8-bit values declared as 11 or 16 bits are nearly black, and refused", () => {
    const eight = spread(20, 220, true);
    expect(outcome("hr", eight, "uint8", { units: "0-65535" })(0)).toBe('UNITS_IMPLAUSIBLE {"units":"0-255"}');
    expect(outcome("hr", spread(0, 2000, true), "uint16", { units: "0-2047" })(2047)).toBeCloseTo(255, 5);
  });
});

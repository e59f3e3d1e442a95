import type { SensorName } from "../../core/place.ts";
import type { BandStatistics } from "./statistics.ts";
import { type Conversion, convert, unitConversion } from "./unit-names.ts";

/** What the units are and how that is known, or why they cannot be used and what to write. */
export type UnitVerdict =
  | { ok: true; units: string; conversion: Conversion; from: string }
  | { ok: false; code: string; what: string; fields: Record<string, unknown>; alternative?: string };

export const shown = (v: number) => (Math.abs(v) >= 100 ? v.toFixed(0) : String(Number(v.toPrecision(3))));
const range = (s: BandStatistics) => `${shown(s.p1)} … ${shown(s.p99)}, median ${shown(s.median)}`;

/** Nobody said the units: take what only one unit explains, refuse the rest with the most likely remedy. */
export function guessUnits(sensor: SensorName, s: BandStatistics, type: string): UnitVerdict {
  const refuse = (code: string, what: string, alternative?: string): UnitVerdict => ({
    ok: false,
    code,
    what: `${what} (values ${range(s)})`,
    fields: guessFields(sensor, s, type),
    alternative,
  });
  const take = (units: string): UnitVerdict => ({
    ok: true,
    units,
    conversion: unitConversion(sensor, units)!,
    from: `type ${type} and values ${range(s)}`,
  });
  if (sensor === "hr") {
    if (type === "uint8") {
      return s.max <= 1
        ? refuse("UNITS_8_BIT", "an 8-bit image with no value above 1 is a mask or 0–1, not 0–255")
        : take("0-255");
    }
    if (s.max <= 2 && s.min >= 0) return refuse("UNITS_0_TO_1", "this image has values 0–1, the model takes 0–255");
    if (s.max <= 255 && s.min >= 0) {
      return refuse("UNITS_8_BIT", `values of 8 bits are stored as ${type}: it is not said whether they are 0–255`);
    }
    return refuse("UNITS_16_BIT", `a ${type} image is not 0–255`, "with the number that is white in this camera");
  }
  if (sensor === "s2") {
    if (s.p99 <= 2 && s.min > -1)
      return refuse("UNITS_0_TO_1", "this looks like reflectance 0–1, the model takes 0–10000");
    if (type === "uint8" || (s.p99 <= 255 && s.median > 20 && s.whole && s.min >= 0)) {
      return refuse(
        "UNITS_8_BIT",
        "8-bit values are a picture, not reflectance × 10000",
        "or give it as a picture: sensor hr",
      );
    }
    if (s.p99 < 30_000 && s.median > 20) return take("reflectance*10000");
    return refuse("UNITS_UNKNOWN", "the unit is not said and the values are not like reflectance × 10000");
  }
  if (s.p1 < -3 && s.median > -45 && s.median < 5 && s.p99 < 40) return take("dB");
  if (s.min >= 0 && s.p99 < 20) {
    return refuse(
      "UNITS_LINEAR",
      "this looks like linear power, the model takes dB",
      'or "amplitude" if it is its root',
    );
  }
  if (s.median < -45) return refuse("UNITS_SCALED_DB", "this looks like dB times a factor");
  return refuse(
    "UNITS_UNKNOWN",
    "these are neither dB nor linear power: uncalibrated numbers, presumably",
    "with the calibration as scale, or calibrate first",
  );
}

export function guessFields(sensor: SensorName, s: BandStatistics, type: string): Record<string, unknown> {
  if (sensor === "hr") {
    if (s.max <= 2) return { units: "0-1" };
    if (s.max <= 255) return { units: "0-255" };
    return {
      units: `0-${[1023, 2047, 4095, 10_000, 16_383, 65_535].find((top) => s.p99 <= top) ?? Math.ceil(s.max)}`,
    };
  }
  if (sensor === "s2") {
    if (s.p99 <= 2) return { units: "reflectance" };
    return type === "uint8" ? { units: "reflectance*255" } : { units: "reflectance*10000" };
  }
  if (s.min >= 0 && s.p99 < 20) return { units: "power" };
  if (s.min >= 0) return { units: "amplitude", scale: 0.001 };
  if (s.median > -45) return { units: "dB" };
  return { units: `dB*${s.median > -4500 ? 100 : 10_000}` };
}

export function implausibleAfter(sensor: SensorName, conversion: Conversion, s: BandStatistics): string | undefined {
  if (!(s.valid > 0)) return undefined;
  const [low, middle, high] = [s.p1, s.median, s.p99].map((v) => convert(conversion, v)) as [number, number, number];
  const text = `${shown(low)} … ${shown(high)}, median ${shown(middle)}`;
  // A logarithm of nothing is NaN: every comparison is false and the values are implausible.
  if (sensor === "s1")
    return low < -2 && middle > -45 && middle < 8 && high < 40 ? undefined : `${text} dB: no backscatter`;
  if (sensor === "s2") {
    return high > 60 && high < 30_000 && low > -3000 ? undefined : `reflectance × 10000 of ${text}: no surface`;
  }
  if (s.max === 0) return undefined;
  // Fewer bits than the units have: a picture that is black to the eye and to the model.
  if (conversion.scale < 1 && s.max > 1 && high < 8) return `${text} of 0–255: nearly black`;
  return low > -1 && high < 256 ? undefined : `${text}: not within 0–255`;
}

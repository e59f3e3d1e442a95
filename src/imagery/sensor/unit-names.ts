import type { SensorName } from "../../core/place.ts";

/** value → unit of the sensor's profile: `raw · scale + offset`, for logarithmic ones `log · log₁₀(raw · scale + offset)`. */
export interface Conversion {
  scale: number;
  offset: number;
  log?: 10 | 20;
}

export function convert({ scale, offset, log }: Conversion, raw: number): number {
  const value = raw * scale + offset;
  return log === undefined ? value : log * Math.log10(value);
}

/** The units that `units` may name, for messages. */
export const unitNames: Readonly<Record<SensorName, string>> = {
  hr: '"0-255", "0-N" (for instance "0-2047") or "0-1"',
  s2: '"reflectance*10000", "reflectance*N" or "reflectance"',
  s1: '"dB", "dB*N" (for instance "dB*100"), "power" or "amplitude"',
};

/** The conversion from named units to those of the profile; undefined: the sensor has no such unit. */
export function unitConversion(sensor: SensorName, units: string): Conversion | undefined {
  const text = units.toLowerCase().replace(/\s/g, "");
  const match =
    sensor === "hr"
      ? /^0[-–](\d+)$/.exec(text)
      : sensor === "s2"
        ? /^reflectance(?:[*×](\d+))?$/.exec(text)
        : /^db(?:[*×](\d+))?$/.exec(text);
  if (match !== null) {
    const factor = Number(match[1] ?? 1);
    if (!(factor > 0)) return undefined;
    return { scale: { hr: 255, s2: 1e4, s1: 1 }[sensor] / factor, offset: 0 };
  }
  if (sensor === "s1" && text === "power") return { scale: 1, offset: 0, log: 10 };
  if (sensor === "s1" && text === "amplitude") return { scale: 1, offset: 0, log: 20 };
  return undefined;
}

import type { SensorName } from "../../core/place.ts";
import type { BandStatistics } from "./statistics.ts";
import { guessFields, guessUnits, implausibleAfter, type UnitVerdict } from "./unit-evidence.ts";
import { type Conversion, unitConversion, unitNames } from "./unit-names.ts";

/** What a user or a file says of the units. */
export interface UnitClaims {
  /** From an option or a sidecar; see `unitNames`. */
  units?: string;
  /** From an option or a sidecar: value = number in the file · scale + offset, before `units` is applied. */
  scale?: number;
  offset?: number;
  /** What the file says: GDAL's scale and offset, and the unit. */
  file?: { scale?: number; offset?: number; unit?: string };
  /** False: the claims are right whatever the statistics say. */
  check?: boolean;
}

/** Statistics of the raw values of one file. */
export interface UnitSample {
  /** Over all bands together. */
  all: BandStatistics;
  type: string;
}

/** Decide the units of one file from what is claimed and from its statistics. */
export function decideUnits(sensor: SensorName, claims: UnitClaims, { all, type }: UnitSample): UnitVerdict {
  const { scale = 1, offset = 0, check = true } = claims;
  const base = claimedUnits(sensor, claims) ?? guessUnits(sensor, all, type);
  if (!base.ok) return base;
  const conversion = {
    ...base.conversion,
    scale: base.conversion.scale * scale,
    offset: base.conversion.scale * offset + base.conversion.offset,
  };
  const numbers = `${scale === 1 ? "" : ` × ${scale}`}${offset === 0 ? "" : ` ${offset < 0 ? "−" : "+"} ${Math.abs(offset)}`}`;
  const verdict = {
    ...base,
    conversion,
    units: numbers === "" ? base.units : `${base.units} of value${numbers}`,
    from: claims.offset === undefined ? base.from : `${base.from}; offset as given`,
  };
  if (!check) return verdict;
  const implausible = implausibleAfter(sensor, conversion, all);
  if (implausible !== undefined) {
    return {
      ok: false,
      code: "UNITS_IMPLAUSIBLE",
      what: `units ${verdict.units} (${verdict.from}) give ${implausible}`,
      fields: guessFields(sensor, all, type),
      alternative: '"check": false if the units are right all the same',
    };
  }
  return verdict;
}

function claimedUnits(sensor: SensorName, { units, scale, file }: UnitClaims): UnitVerdict | undefined {
  const known = { hr: "0-255", s2: "reflectance*10000", s1: "dB" }[sensor];
  if (units !== undefined) {
    const conversion = unitConversion(sensor, units);
    if (conversion !== undefined) return { ok: true, units, conversion, from: "as given" };
    const what = `units "${units}" are none of ${sensor}; expected ${unitNames[sensor]}`;
    return { ok: false, code: "UNITS_UNKNOWN", what, fields: { units: known } };
  }
  if (scale !== undefined) {
    return { ok: true, units: "scale", conversion: unitConversion(sensor, known)!, from: "as given" };
  }
  if (sensor === "s2" && file?.scale !== undefined && file.scale < 0.01) {
    // GDAL's and STAC's way: reflectance = value · scale + offset.
    const offset = file.offset ?? 0;
    const said = `reflectance = value × ${file.scale}${offset === 0 ? "" : ` ${offset < 0 ? "−" : "+"} ${Math.abs(offset)}`}`;
    return {
      ok: true,
      units: said,
      conversion: { scale: file.scale * 1e4, offset: offset * 1e4 },
      from: "scale in the file",
    };
  }
  if (sensor === "s1" && file?.unit?.toLowerCase() === "db") {
    const conversion: Conversion = { scale: file.scale ?? 1, offset: file.offset ?? 0 };
    return { ok: true, units: "dB", conversion, from: "unit in the file" };
  }
  return undefined;
}

import { type SensorName, sensorNames } from "../../core/place.ts";
import { findDate } from "./dates.ts";
import { profiles } from "./profiles.ts";

/**
 * Other names of bands, in lower case without blanks, hyphens and underscores: common names of STAC's extensions,
 * Earth Engine's, sen2cor's. "band1" is not among them: many writers number bands so, whatever they hold.
 */
const aliases: Readonly<Record<SensorName, Readonly<Record<string, readonly string[]>>>> = {
  hr: {
    R: ["r", "red"],
    G: ["g", "green"],
    B: ["b", "blue"],
    NIR: ["n", "ir", "nir", "nearinfrared", "infrared"],
  },
  s2: {
    B01: ["coastal", "coastalaerosol", "aerosol", "aerosols", "ultrablue"],
    B02: ["blue"],
    B03: ["green"],
    B04: ["red"],
    B05: ["rededge1", "rededge071", "re1", "vegetationrededge1"],
    B06: ["rededge2", "rededge075", "re2", "vegetationrededge2"],
    B07: ["rededge3", "rededge078", "re3", "vegetationrededge3"],
    B08: ["nir", "nir1", "nearinfrared", "nirbroad"],
    B8A: ["b08a", "nir08", "nir2", "nirnarrow", "narrownir", "rededge4", "re4"],
    B09: ["nir09", "watervapor", "watervapour"],
    B10: ["cirrus", "swircirrus"],
    B11: ["swir1", "swir16"],
    B12: ["swir2", "swir22"],
  },
  s1: { VV: [], VH: [] },
};

const tables = new Map(
  sensorNames.map((sensor) => {
    const table = new Map<string, string>();
    for (const { name } of profiles[sensor].bands) {
      table.set(name.toLowerCase(), name);
      if (sensor === "s2") table.set(name.toLowerCase().replace("b0", "b"), name);
      for (const alias of aliases[sensor][name] ?? []) table.set(alias, name);
    }
    return [sensor, table] as const;
  }),
);

/** The band's name in the sensor's profile: "B2", "blue", "B4, central wavelength 665 nm", "Sigma0_VV_db". */
export function bandNamed(sensor: SensorName, text: string): string | undefined {
  const table = tables.get(sensor)!;
  const bare = text
    .toLowerCase()
    .replace(/,.*$|\(.*$/, "")
    .replace(/[\s_-]/g, "");
  const whole = table.get(sensor === "s1" ? bare.replace(/^(sigma|gamma|beta)(0|nought)?|db$/g, "") : bare);
  if (whole !== undefined) return whole;
  // One unmistakable word of several: "T32UQD_20200103T102421_B04_10m". Letters and colours alone prove nothing there.
  const words = new Set(
    text
      .split(/[\s_.,:;/-]+/)
      .filter((word) => (sensor === "s1" ? /^(vv|vh)$/i : /^b\d?[\da]a?$/i).test(word))
      .map((word) => table.get(word.toLowerCase()))
      .filter((name) => name !== undefined),
  );
  return words.size === 1 ? [...words][0] : undefined;
}

/** What one band description says. */
export interface BandText {
  date?: string;
  /** The text without its date; "" when nothing else stands there. */
  text: string;
}

/** "2017-08-04T10:53:28Z B02" is a date and a band. */
export function readBandText(description: string | undefined): BandText {
  if (description === undefined) return { text: "" };
  const found = findDate(description);
  return found === undefined
    ? { text: description.trim() }
    : { date: found.date, text: found.rest.replace(/^[\s_:-]+|[\s_:-]+$/g, "") };
}

/** Sensors that know every one of these texts as a band. */
export function sensorsKnowing(texts: readonly string[]): SensorName[] {
  if (texts.length === 0) return [];
  return sensorNames.filter((sensor) => texts.every((text) => bandNamed(sensor, text) !== undefined));
}

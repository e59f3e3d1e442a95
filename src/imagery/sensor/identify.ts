import type { SensorName } from "../../core/place.ts";
import { bandNamed, readBandText, sensorsKnowing } from "./band-names.ts";
import { guessOrders } from "./band-order.ts";
import { type FileDescription, refusal, type Said } from "./description.ts";
import { bandOrders } from "./profiles.ts";
import { statistics } from "./statistics.ts";

/** What is read of a file before any pixel matters. */
export interface FileFacts {
  path: string;
  driver: string;
  type: string;
  /** Per band in file order. */
  names: readonly (string | undefined)[];
  colours: readonly (string | undefined)[];
  metadata: Readonly<Record<string, string>>;
  /** Sampled values of the first bands, raw; NaN where masked. */
  columns: readonly ArrayLike<number>[];
}

export type FileKind = SensorName | "scl";

export type Known<T> = { value: T; from: string };

const sensorHints: [FileKind, RegExp][] = [
  ["scl", /(?<![a-z])scl(?![a-z])/i],
  ["s2", /S2[A-D]_|sentinel[-_ ]?2|(?<![a-z0-9])s2(?![0-9])|_T\d\d[A-Z]{3}_|S2MSI/i],
  ["s1", /S1[A-D]_|sentinel[-_ ]?1|(?<![a-z0-9])s1(?![0-9])/i],
];

/** Which sensor a file is of, and how that is known. @throws SkySenseError `SENSOR_UNKNOWN` | `TWO_SENSORS` */
export function identifySensor(facts: FileFacts, said: Said, onlyOption: SensorName | undefined): Known<FileKind> {
  const { path, names, type, colours, metadata, driver } = facts;
  if (said.sensor !== undefined) return said.sensor;
  if (said.bands !== undefined) {
    const known = sensorOfBands(said.bands.value);
    if (known !== undefined) return { value: known, from: `bands (${said.bands.from})` };
  }
  const count = names.length;
  const texts = names
    .map((name) => readBandText(name).text)
    .filter((text, i) => text !== "" && !isAlpha(colours[i], text));
  const named = sensorsKnowing(texts);
  const shown = [...new Set(texts)].slice(0, 4).join(", ");
  const foreign = otherSensors(texts);
  if (named.length === 0 && foreign !== undefined) {
    throw refusal({
      code: "TWO_SENSORS",
      what: `this file holds bands of two sensors (${foreign.join(", ")})`,
      where: path,
      fields: { sensor: "s2" },
      alternative: "the other sensor's bands are then left out; to use both, split the file",
    });
  }
  if (named.length === 1)
    return { value: named[0]!, from: `band names ${shown}${new Set(texts).size > 4 ? ", …" : ""}` };
  const text = `${Object.values(metadata).join(" ")} ${folderAndFile(path)}`;
  const hint = sensorHints.find(([, pattern]) => pattern.test(text));
  if (hint !== undefined && (named.length === 0 || named.includes(hint[0] as SensorName))) {
    return { value: hint[0], from: `"${hint[1].exec(text)![0]}" in its name or metadata` };
  }
  if (named.includes("hr") && type === "uint8") return { value: "hr", from: `band names ${shown} and 8-bit values` };
  if (named.length === 0) {
    if (onlyOption !== undefined) return { value: onlyOption, from: `options given for ${onlyOption} only` };
    const colour = colours.filter((c) => !isAlpha(c)).length;
    const optical = type === "uint8" && (colour === 3 || colour === 4 || (colour === 1 && driver !== "GTiff"));
    if (optical) return { value: "hr", from: `${count} bands of 8 bits` };
    if (type !== "uint8" && [10, 12, 13].includes(count)) return { value: "s2", from: `${count} bands of ${type}` };
    if (type !== "uint8" && count === 2) return { value: "s1", from: `2 bands of ${type}` };
  }
  throw refusal({
    code: "SENSOR_UNKNOWN",
    what:
      `it is not said which sensor this file of ${count} ${type} band${count === 1 ? "" : "s"} is of` +
      (shown === "" ? "" : ` (bands ${shown})`),
    where: path,
    fields: { sensor: "s2" },
    alternative: "sensors are hr, s2 and s1",
  });
}

/** Bands of two sensors, one each, if there are; texts that are no bands do not matter. */
function otherSensors(texts: readonly string[]): [string, string] | undefined {
  const known = texts
    .map((text) => ({ text, sensors: sensorsKnowing([text]) }))
    .filter(({ sensors }) => sensors.length > 0);
  const other = known.find(({ sensors }) => !sensors.some((sensor) => known[0]!.sensors.includes(sensor)));
  return other === undefined ? undefined : [known[0]!.text, other.text];
}

function sensorOfBands(bands: NonNullable<FileDescription["bands"]>): SensorName | undefined {
  if (typeof bands === "string" && bandOrders[bands] !== undefined) return bandOrders[bands].sensor;
  const candidates = sensorsKnowing(bandList(bands).filter((band) => band !== "-"));
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** The bands of one date in file order (undefined: not used), from what is said, the file, its name or its count. */
export function identifyBands(sensor: SensorName, facts: FileFacts, said: Said): Known<(string | undefined)[]> {
  const { path, names, colours } = facts;
  if (said.bands !== undefined) return { value: saidBands(sensor, path, said.bands.value), from: said.bands.from };
  const texts = names.map((name) => readBandText(name).text);
  const named = texts.map((text) => (text === "" ? undefined : bandNamed(sensor, text)));
  if (named.every((band, i) => band !== undefined || isAlpha(colours[i])))
    return { value: named, from: "band names" };
  if (named.some((band) => band !== undefined)) {
    const unknown = texts.filter((text, i) => named[i] === undefined && text !== "");
    if (unknown.length === 0) throw bandsUnknown(sensor, facts, "not all bands have names");
    // Names that are none of the sensor's (QA60, SCL, dataMask) are bands that the model does not take.
    return {
      value: named,
      from: `band names (not bands of ${sensor}: ${[...new Set(unknown)].slice(0, 5).join(", ")})`,
    };
  }
  const fileName = path
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.\w+$/, "");
  const fromName = bandNamed(sensor, fileName);
  if (fromName !== undefined && sensor !== "hr" && (names.length === 1 || texts.every((text) => text === ""))) {
    if (names.length === 1 || names.every((name) => readBandText(name).date !== undefined)) {
      return { value: [fromName], from: "file name" };
    }
  }
  return sensor === "hr" ? opticalBands(facts) : countedBands(sensor, facts);
}

function saidBands(sensor: SensorName, path: string, bands: string[] | string): (string | undefined)[] {
  return bandList(bands).map((text) => {
    if (text === "-") return undefined;
    const band = bandNamed(sensor, text);
    if (band !== undefined) return band;
    throw refusal({
      code: "UNKNOWN_BAND",
      what: `"${text}" is no band of ${sensor}`,
      where: path,
      sensor,
      fields: { bands: bandOrders[{ hr: "rgb", s2: "model", s1: "vvvh" }[sensor]]!.bands },
      alternative: '"-" stands for a band that is not used',
    });
  });
}

function bandList(bands: string[] | string): readonly string[] {
  return typeof bands !== "string"
    ? bands
    : (bandOrders[bands]?.bands ?? bands.split(",").map((band) => band.trim()));
}

function opticalBands({ path, colours, columns, driver, names }: FileFacts): Known<(string | undefined)[]> {
  const byColour = colours.map((colour) => ({ red: "R", green: "G", blue: "B" })[colour ?? ""]);
  const alpha = colours.findIndex((colour) => isAlpha(colour));
  const trueAlpha = alpha >= 0 && (driver !== "GTiff" || onlyExtremes(columns[alpha] ?? []));
  if (names.length === 3 || (names.length === 4 && trueAlpha)) {
    const coloured = byColour.filter((band) => band !== undefined).length === 3;
    return coloured
      ? { value: byColour, from: `colours of the bands${trueAlpha ? ", the alpha band is the mask" : ""}` }
      : { value: ["R", "G", "B"], from: "3 bands" };
  }
  throw bandsUnknown("hr", { path, names, columns }, `${names.length} bands without names`);
}

function countedBands(sensor: "s2" | "s1", facts: FileFacts): Known<(string | undefined)[]> {
  const { names, columns } = facts;
  const [best] = guessOrders(sensor, columns);
  if (sensor === "s1" && names.length === 2 && best?.order === "vvvh" && best.fit > 0.7) {
    const percent = Math.round(best.fit * 100);
    return { value: ["VV", "VH"], from: `2 bands, the first is stronger in ${percent} % of the pixels, as VV is` };
  }
  throw bandsUnknown(sensor, facts, `${names.length} bands without names`);
}

function bandsUnknown(
  sensor: SensorName,
  { path, names, columns }: Pick<FileFacts, "path" | "names" | "columns">,
  what: string,
) {
  const count = names.length;
  const guess = { hr: "rgbnir", s2: ["B02", "B03", "…"], s1: "vvvh" }[sensor];
  const perDate = (sensor === "s1" ? [2] : [13, 12, 10, 6, 4]).find((n) => count % n === 0);
  const [best] = perDate === undefined ? [] : guessOrders(sensor, columns.slice(0, perDate));
  const likely = best !== undefined && best.fit > 0.7;
  return refusal({
    code: "BANDS_UNKNOWN",
    what:
      `it is not said which bands these are (${what})` +
      (likely
        ? `; the values look like the order "${best.order}" (${Math.round(best.fit * 100)} % of the pixels)`
        : ""),
    where: path,
    sensor,
    fields: {
      bands: likely ? best.order! : guess,
      ...(perDate !== undefined && count > perDate ? { dates: ["2020-01-03", "…"] } : {}),
    },
    alternative:
      `"bands" is the list of one date's bands in file order or one of ` +
      Object.keys(bandOrders)
        .filter((name) => bandOrders[name]!.sensor === sensor)
        .join(", "),
  });
}

/** File name first, then its folder: a BigEarthNet patch has its date in the folder's name. */
export function folderAndFile(path: string): string {
  return path.split(/[/\\]/).slice(-2).reverse().join(" / ");
}

/** GDAL lets a fourth measured band pass as alpha; a name tells it apart. */
function isAlpha(colour: string | undefined, text = ""): boolean {
  return colour === "alpha" && (text === "" || /alpha|mask/i.test(text));
}

function onlyExtremes(values: ArrayLike<number>): boolean {
  const { min, max } = statistics(Array.from(values).filter((v) => v !== 0 && v !== 255));
  return Number.isNaN(min) && Number.isNaN(max);
}

import { type Command, InvalidArgumentError, Option } from "commander";
import { sensorNames } from "../core/place.ts";

/** Fields of a description that may be given for all files of a sensor, and how their text becomes a value. */
const fields = {
  bands: { what: "band names of one date in file order, or a known order", read: listOrWord },
  dates: { what: 'dates, with commas, or "unknown"', read: listOrWord },
  units: {
    what: '"reflectance*10000", "reflectance", "dB", "dB*100", "power", "0-255", …',
    read: (text: string) => text,
  },
  scale: { what: "value = number · scale + offset", read: number },
  offset: { what: "value = number · scale + offset", read: number },
  nodata: { what: "the number that means no data", read: number },
  crs: { what: '"EPSG:32632", PROJ or WKT', read: (text: string) => text },
  bounds: { what: "west,south,east,north in the CRS, for images without georeference", read: numbers },
  check: { what: "false: do not doubt what is said here", read: truth },
} as const;

/** Flags by which a command takes what files do not say themselves. */
export function addSceneOptions(command: Command): Command {
  command
    .option("--describe <json>", "a description of the files; else FILE.skysense.json beside each is read")
    .addOption(new Option("--sensor <sensor>", "the sensor of all files").choices([...sensorNames, "scl"]))
    .option("--location <lon,lat>", "where the place is, for images without georeference", location)
    .option("--reproject", "warp files of another CRS onto the grid of the first")
    .option("--max-dates <n>", "at most that many dates a sensor, evenly chosen", whole)
    .option("--max-cloud <share>", "leave out Sentinel-2 dates with more cloud (needs scene classes)", number);
  for (const sensor of sensorNames) {
    for (const [field, { what, read }] of Object.entries(fields)) {
      const option = new Option(`--${sensor}.${field} <${field}>`, what).argParser<unknown>(read).hideHelp();
      command.addOption(option);
    }
  }
  return command.addHelpText("after", () => {
    const lines = Object.entries(fields).map(([field, { what }]) => `  --SENSOR.${field.padEnd(8)} ${what}`);
    return `\nFor all files of a sensor (SENSOR is hr, s2 or s1):\n${lines.join("\n")}`;
  });
}

/** The flags as options of `openScene`. */
export function sceneOptions(options: Record<string, unknown>) {
  const { describe, sensor, location, reproject, maxDates, maxCloud } = options;
  const perSensor = sensorNames.flatMap((name) => {
    const said = Object.keys(fields).flatMap((field) => {
      const value = options[`${name}.${field}`];
      return value === undefined ? [] : [[field, value] as const];
    });
    return said.length === 0 ? [] : [[name, Object.fromEntries(said)] as const];
  });
  const given = { describe, sensor, location, reproject, maxDates, maxCloud };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)),
    ...Object.fromEntries(perSensor),
  };
}

function listOrWord(text: string): string | string[] {
  return text.includes(",") ? text.split(",").map((part) => part.trim()) : text;
}

/** Any number. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("This is not a number.");
  return value;
}

/** A whole number from 1 on. */
export function whole(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("This is not a whole number above 0.");
  return value;
}

function numbers(text: string): number[] {
  return text.split(",").map(number);
}

function truth(text: string): boolean {
  if (text !== "true" && text !== "false") throw new InvalidArgumentError('Write "true" or "false".');
  return text === "true";
}

function location(text: string): { longitude: number; latitude: number } {
  const [longitude, latitude, ...more] = numbers(text);
  if (longitude === undefined || latitude === undefined || more.length > 0) {
    throw new InvalidArgumentError('Write longitude and latitude as "12.5,48.1".');
  }
  if (Math.abs(longitude) > 180 || Math.abs(latitude) > 90)
    throw new InvalidArgumentError("This is not on the globe.");
  return { longitude, latitude };
}

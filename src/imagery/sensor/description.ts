import { z } from "zod";
import { type ErrorParts, SkySenseError } from "../../core/error.ts";
import { type SensorName, sensorNames } from "../../core/place.ts";
import { bandOrders } from "./profiles.ts";

const orderNames = `one of ${Object.keys(bandOrders).join(", ")}`;

/** What a user says of one file, where the file does not say it itself or says it wrongly. */
const fileDescription = z.strictObject({
  /** Path relative to the description; may be left out beside the file, or where all files are meant. */
  file: z.string().min(1).optional(),
  /** "scl": the scene classes of sen2cor, from which the cloudiness of Sentinel-2 dates is taken. */
  sensor: z.enum([...sensorNames, "scl"]).optional(),
  /** Bands of one date in file order ("-": not used), as a list or with commas, or the name of a known order. */
  bands: z
    .union([
      z.array(z.string().min(1)).min(1),
      z.string().refine((text) => text in bandOrders || text.includes(","), {
        error: `expected band names or ${orderNames}`,
      }),
    ])
    .optional(),
  /** ISO 8601, one a date; "unknown" where nobody knows. */
  dates: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
      error: 'expected a date, a list of dates or "unknown"',
    })
    .optional(),
  /** "reflectance*10000", "reflectance", "dB", "dB*100", "power", "amplitude", "0-255", "0-2047", … */
  units: z.string().min(1).optional(),
  /** value = number in the file · scale + offset, before `units` is applied. */
  scale: z.number().positive().optional(),
  offset: z.number().optional(),
  nodata: z.number().optional(),
  /** "EPSG:32632", a PROJ string or WKT, in place of what the file says. */
  crs: z.string().min(1).optional(),
  /** [west, south, east, north] of the image in `crs`, in place of the file's georeference. */
  bounds: z.tuple([z.number(), z.number(), z.number(), z.number()]).optional(),
  /** False: what is said here is right whatever the statistics look like. */
  check: z.boolean().optional(),
});

const sceneDescription = z.strictObject({
  files: z.array(fileDescription.required({ file: true })).min(1),
  location: z
    .strictObject({ longitude: z.number().min(-180).max(180), latitude: z.number().min(-90).max(90) })
    .optional(),
});

export type FileDescription = z.infer<typeof fileDescription>;
export type SceneDescription = z.infer<typeof sceneDescription>;

/**
 * A description as read from JSON: of many files, or of one file ("files" is left out).
 *
 * @throws SkySenseError `BAD_DESCRIPTION`, naming the field
 */
export function parseDescription(json: unknown, where: string): SceneDescription | FileDescription {
  const many = typeof json === "object" && json !== null && "files" in json;
  const result = (many ? sceneDescription : fileDescription).safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = issue.path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  throw new SkySenseError({
    code: "BAD_DESCRIPTION",
    what: `the description is not valid: ${field === "" ? "" : `${field.replace(/^\./, "")}: `}${issue.message}`,
    where,
    remedy: 'An example: {"files": [{"file": "s1.tif", "sensor": "s1", "dates": ["2020-01-03"], "units": "dB"}]}.',
    cause: result.error,
  });
}

/** What is said of one file, and by whom: an option before a description, a description before the file itself. */
export type Said = {
  readonly [K in Exclude<keyof FileDescription, "file">]?: { value: NonNullable<FileDescription[K]>; from: string };
};

/** The first source that says a thing wins. */
export function merge(sources: readonly { description: FileDescription; from: string }[]): Said {
  const said: Record<string, { value: unknown; from: string }> = {};
  for (const { description, from } of sources) {
    for (const [key, value] of Object.entries(description)) {
      if (key !== "file" && value !== undefined) said[key] ??= { value, from };
    }
  }
  return said as Said;
}

/**
 * An error whose remedy is a line of the description: what to write, where, or which option to pass.
 *
 * @param parts.fields       what to write, with a likely value
 * @param parts.alternative  what else it may be, as the end of a sentence
 */
export function refusal({
  sensor,
  fields,
  alternative,
  ...parts
}: Omit<ErrorParts, "remedy" | "where"> & {
  where: string;
  sensor?: SensorName;
  fields: Record<string, unknown>;
  alternative?: string;
}): SkySenseError {
  const entries = Object.entries(fields).map(([key, value]) => [key, JSON.stringify(value)] as const);
  if (entries.length === 0) return new SkySenseError(parts);
  const line = entries.map(([key, value]) => `"${key}": ${value}`).join(", ");
  const flag = ([key, value]: readonly [string, string]) =>
    key === "sensor" ? `--sensor ${value.replaceAll('"', "")}` : `--${sensor ?? "SENSOR"}.${key} ${option(value)}`;
  return new SkySenseError({
    ...parts,
    remedy:
      `Write {${line}} into ${parts.where}.skysense.json or pass ${entries.map(flag).join(" ")}` +
      `${alternative === undefined ? "" : `; ${alternative}`}.`,
  });
}

/** JSON as a word on the command line: lists with commas, quotes only where a shell needs them. */
function option(json: string): string {
  const bare = json.startsWith("[") ? (JSON.parse(json) as unknown[]).join(",") : json.replaceAll('"', "");
  return /^[\w.,+:-]+$/.test(bare) ? bare : `"${bare}"`;
}

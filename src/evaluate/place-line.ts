import { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import { sensorNames } from "../core/place.ts";

const path = z.string().min(1);

const placeLine = z.strictObject({
  /** Default: the first file, and the corner of the window. */
  id: z.string().min(1).optional(),
  /** All images of the place, relative to the list; or URLs. */
  files: z.array(path).min(1),
  /** Which images there are, so that this is known before they are opened; says nothing about how to read them. */
  sensors: z.array(z.enum(sensorNames)).min(1).optional(),
  /** A description of the files: the path of a sidecar, or its content; files in it are relative to it. */
  describe: z.union([path, z.record(z.string(), z.unknown())]).optional(),
  /** What holds for all files of a sensor, and how to read the place: see `openScene`. */
  options: z
    .strictObject({
      sensor: z.enum(sensorNames).optional(),
      hr: z.unknown().optional(),
      s2: z.unknown().optional(),
      s1: z.unknown().optional(),
      maxDates: z.int().min(1).optional(),
      maxCloud: z.number().min(0).max(1).optional(),
      reproject: z.boolean().optional(),
    })
    .optional(),
  /** Longitude and latitude, where the files have no georeference. */
  location: z.tuple([z.number().min(-180).max(180), z.number().min(-90).max(90)]).optional(),
  /** The patch to read, in pixels of the place's grid: see `PlaceFiles`. */
  window: z.tuple([z.int().min(0), z.int().min(0), z.int().min(1), z.int().min(1)]).optional(),
});

/** A line of a list of places. */
export type PlaceLine = z.infer<typeof placeLine>;

/**
 * What a line says, as it stands there.
 *
 * @param where  file and line, for messages
 * @throws SkySenseError `BAD_PLACE_LIST`, naming the field
 */
export function checkPlaceLine(text: string, where: string): PlaceLine {
  return check(parseJson(text, where), where);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badLine(`it is no JSON: ${(cause as Error).message}`, where, cause);
  }
}

function check(json: unknown, where: string): PlaceLine {
  const result = placeLine.safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const field = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  throw badLine(`${field === "" ? "" : `${field.replace(/^\./, "")}: `}${message}`, where, result.error);
}

function badLine(what: string, where: string, cause: unknown): SkySenseError {
  return new SkySenseError({
    code: "BAD_PLACE_LIST",
    what: `this line of the list of places is not valid: ${what}`,
    where,
    remedy: 'An example: {"files": ["s2.tif", "s1.tif"], "options": {"s1": {"units": "dB*100"}}}.',
    cause,
  });
}

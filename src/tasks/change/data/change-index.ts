import { z } from "zod";
import { sensorNames } from "../../../core/place.ts";

const file = z.string().min(1);
const files = z.union([file.transform((one) => [one]), z.array(file).min(1)]);
const dates = z.tuple([z.string(), z.string()]);
const split = z.string().optional();

/** A file for each date and resolution: `{"t1_10m": …, "t1_20m": …, "t2_10m": …}`. */
const byDate = z
  .looseObject({ files: z.record(z.string().regex(/^t[12]/, "files are called t1… and t2…"), file) })
  .transform(({ files }) => {
    const of = (date: string) => Object.entries(files).flatMap(([key, name]) => (key.startsWith(date) ? [name] : []));
    return { before: of("t1"), after: of("t2"), sensor: "s2" as const };
  })
  .refine(({ before, after }) => before.length > 0 && after.length > 0, "it has files of one date only");

const pair = z.union([
  z
    .looseObject({ before: files, after: files })
    .transform(({ before, after }) => ({ before, after, sensor: undefined })),
  z.looseObject({ a: files, b: files }).transform(({ a, b }) => ({ before: a, after: b, sensor: undefined })),
  byDate,
]);

/** Whether an item of an index is a pair with a mask. */
export function isPair(item: Readonly<Record<string, unknown>>): boolean {
  return typeof item.mask === "string" && pair.safeParse(item).success;
}

/** The `index.json` of a set of pairs. */
export const changeIndex = z.looseObject({
  name: z.string().optional(),
  sensor: z.enum(sensorNames).optional(),
  items: z
    .array(
      z
        .object({
          mask: file,
          id: z.string().optional(),
          dates: dates.optional(),
          split,
          dataset: z.string().optional(),
        })
        .and(pair),
    )
    .min(1),
});

export type ChangeIndex = z.infer<typeof changeIndex>;

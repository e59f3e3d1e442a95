import { z } from "zod";
import { SkySenseError } from "../../core/error.ts";
import type { SensorName } from "../../core/place.ts";
import { type ClassTable, parseClassTable, tableOfNames } from "./classes.ts";

const names = z.array(z.string()).min(2);

/** The `index.json` of a set of images and masks. */
export const maskIndex = z.looseObject({
  name: z.string().optional(),
  /** Names in the order of the values, a name for each value, or a list of names for each subset. */
  classes: z.union([names, z.record(z.string(), names), z.record(z.string(), z.string())]).optional(),
  /** Where `classes` are those of something else (boxes). */
  mask_classes: names.optional(),
  /** What the values mean, in words that {@link tableOfIndex} understands. */
  mask: z.string().optional(),
  items: z
    .array(
      z.looseObject({
        /** The image; where there is one of each sensor, they are called `hr`, `s2` and `s1` instead. */
        file: z.string().optional(),
        /** Its classes, also called `label`. */
        mask: z.string().optional(),
        label: z.string().optional(),
        split: z.string().optional(),
        /** Of which subset it is. */
        dataset: z.string().optional(),
      }),
    )
    .min(1),
});

export type MaskIndex = z.infer<typeof maskIndex>;

/** Whether an item of an index is an image of this sensor with a mask; `label` may also name a class. */
export function hasMask(
  { mask, label, file, ...images }: Readonly<Record<string, unknown>>,
  sensor: SensorName = "hr",
): boolean {
  if (typeof (file ?? images[sensor]) !== "string") return false;
  return typeof mask === "string" || (typeof label === "string" && /\.(png|tiff?|jp2|bmp)$/i.test(label));
}

/**
 * The classes of an index. A mask holds positions of classes, unless `mask` says otherwise: values before names
 * ("0 background, 255 building"), or "0 = unlabelled, k = k-th class".
 *
 * @throws SkySenseError `SUBSET_UNKNOWN` | `BAD_CLASSES` | `NO_CLASSES`
 */
export function tableOfIndex(
  index: MaskIndex,
  { subset, where }: { subset: string | undefined; where: string },
): ClassTable {
  if (isByValue(index.classes) && index.mask_classes === undefined) return tableByValue(index.classes, where);
  const classes = namesOf(index, subset, where);
  const said = index.mask ?? "";
  const pairs = [...said.matchAll(/(\d+)\s+([\w-]+)/g)].filter(([, , name]) => classes.includes(name!));
  if (pairs.length === classes.length) {
    const values = new Map(pairs.map(([, value, name]) => [name!, Number(value)]));
    return parseClassTable({ classes: classes.map((name) => ({ name, value: values.get(name)! })) }, where);
  }
  return tableOfNames(classes, { offset: /0 = unlabelled/.test(said) ? 1 : 0, where });
}

function isByValue(classes: MaskIndex["classes"]): classes is Record<string, string> {
  if (classes === undefined || Array.isArray(classes)) return false;
  return Object.entries(classes).every(([key, name]) => /^-?\d+$/.test(key) && typeof name === "string");
}

/** `{"-1": "no data", "0": "land", "1": "water"}`: what is called no data, unlabelled or void counts for nothing. */
function tableByValue(classes: Record<string, string>, where: string): ClassTable {
  const entries = Object.entries(classes).map(([value, name]) => ({ name, value: Number(value) }));
  const nothing = ({ name }: { name: string }) => /^(no[ _-]?data|unlabell?ed|void|ignored?)$/i.test(name);
  const ignore = entries.filter(nothing).map(({ value }) => value);
  const table = entries.filter((entry) => !nothing(entry)).sort((a, b) => a.value - b.value);
  return parseClassTable({ classes: table, ignore }, where);
}

function namesOf({ classes, mask_classes: own }: MaskIndex, subset: string | undefined, where: string): string[] {
  if (own !== undefined) return own;
  if (classes === undefined) {
    throw new SkySenseError({
      code: "NO_CLASSES",
      what: "the index names no classes",
      where,
      remedy: "Add them to the index, or give --classes.",
    });
  }
  if (Array.isArray(classes)) return classes;
  const found = subset === undefined ? undefined : classes[subset];
  if (Array.isArray(found)) return found;
  throw new SkySenseError({
    code: "SUBSET_UNKNOWN",
    what: subset === undefined ? "the index holds several sets" : `the index holds no set "${subset}"`,
    where,
    remedy: `Choose one by --subset: ${Object.keys(classes).join(", ")}.`,
  });
}

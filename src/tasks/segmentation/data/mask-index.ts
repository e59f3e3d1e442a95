import { z } from "zod";
import { SkySenseError } from "../../../core/error.ts";
import { type ClassTable, parseClassTable, tableOfNames } from "./classes.ts";

const names = z.array(z.string()).min(2);

/** The `index.json` of a set of images and masks. */
export const maskIndex = z.looseObject({
  name: z.string().optional(),
  /** Names in the order of the values, or such a list for each subset. */
  classes: z.union([names, z.record(z.string(), names)]).optional(),
  /** Where `classes` are those of something else (boxes). */
  mask_classes: names.optional(),
  /** What the values mean, in words that {@link tableOfIndex} understands. */
  mask: z.string().optional(),
  items: z
    .array(
      z.looseObject({
        file: z.string(),
        mask: z.string().optional(),
        split: z.string().optional(),
        /** Of which subset it is. */
        dataset: z.string().optional(),
      }),
    )
    .min(1),
});

export type MaskIndex = z.infer<typeof maskIndex>;

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
  const classes = namesOf(index, subset, where);
  const said = index.mask ?? "";
  const pairs = [...said.matchAll(/(\d+)\s+([\w-]+)/g)].filter(([, , name]) => classes.includes(name!));
  if (pairs.length === classes.length) {
    const values = new Map(pairs.map(([, value, name]) => [name!, Number(value)]));
    return parseClassTable({ classes: classes.map((name) => ({ name, value: values.get(name)! })) }, where);
  }
  return tableOfNames(classes, { offset: /0 = unlabelled/.test(said) ? 1 : 0, where });
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
  if (found !== undefined) return found;
  throw new SkySenseError({
    code: "SUBSET_UNKNOWN",
    what: subset === undefined ? "the index holds several sets" : `the index holds no set "${subset}"`,
    where,
    remedy: `Choose one by --subset: ${Object.keys(classes).join(", ")}.`,
  });
}

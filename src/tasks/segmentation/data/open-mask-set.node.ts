import { readFile, stat } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { type OnFault, refuse } from "../../../core/faults.ts";
import { type SensorName, sensorNames } from "../../../core/place.ts";
import { unreadable } from "../../../core/read-file.node.ts";
import { type ClassTable, parseClassTable } from "../../maps/classes.ts";
import { hasMask, type MaskIndex, maskIndex, tableOfIndex } from "../../maps/mask-index.ts";
import { openDynamicEarthNet } from "./dynamic-earth-net.node.ts";
import { pairFolders } from "./folder-pairs.node.ts";
import { knownClasses } from "./known-classes.ts";
import type { MaskItem, MaskSet } from "./mask-set.ts";
import { openVectorMasks, type VectorMaskOptions } from "./vector-masks.node.ts";

export interface OpenMaskSetOptions {
  /** A class table: a JSON file (see `parseClassTable`) or the name of a published set. */
  classes?: string | undefined;
  /** Folders of images and of masks below the set's own, where `*` stands for the same name in both. */
  images?: string | undefined;
  masks?: string | undefined;
  /** Whose images, where an index has those of several sensors. Default hr. */
  sensor?: SensorName | undefined;
  /** Which one, where an index holds several sets. */
  subset?: string | undefined;
  /** Polygons or points that lie over the images. Default: images have masks. */
  vectors?: VectorMaskOptions | undefined;
  /** What to do with an image without mask. Default: end. */
  onFault?: OnFault | undefined;
}

/**
 * Open a set of images with masks: a folder with an `index.json` (items with `file`, `mask` and maybe `split`),
 * DynamicEarthNet, or folders of images beside folders of masks with the same names (`images`/`masks`, `img_dir`/`ann_dir`,
 * `images_png`/`masks_png` and others), wherever they lie; a folder called train, val or test above or below says the
 * split. Nothing is read but names. With `vectors`, `path` is an image or a folder of images without masks: see
 * {@link openVectorMasks}.
 *
 * @throws SkySenseError `SET_NOT_FOUND` | `BAD_INDEX` | `BAD_CLASSES` | `NO_PAIRS` | `NO_MASK` | `NO_CLASSES` | `SUBSET_UNKNOWN`
 */
export async function openMaskSet(path: string, options: OpenMaskSetOptions = {}): Promise<MaskSet> {
  if (options.vectors !== undefined) {
    const table = options.classes === undefined ? undefined : await readClassTable(options.classes);
    return openVectorMasks(path, options.vectors, { table, onFault: options.onFault });
  }
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new SkySenseError({
      code: "SET_NOT_FOUND",
      what: "there is no such folder",
      where: path,
      remedy: "Give the folder of a set of images and masks.",
    });
  }
  const table = options.classes === undefined ? undefined : await readClassTable(options.classes);
  const index = options.images === undefined ? await readIndex(join(path, "index.json")) : undefined;
  if (index !== undefined) return openIndex(index, path, { ...options, table });
  const months = table === undefined ? await openDynamicEarthNet(path, options.onFault ?? refuse) : undefined;
  if (months !== undefined) return months;
  if (table === undefined) {
    throw new SkySenseError({
      code: "NO_CLASSES",
      what: "nothing says what the values of the masks mean",
      where: path,
      remedy: `Give --classes: a JSON file, or one of ${Object.keys(knownClasses).join(", ")}.`,
    });
  }
  const items = await pairFolders(path, options);
  return { name: basename(resolve(path)), path, layout: "folders of images and masks", ...table, items };
}

/** @throws SkySenseError `BAD_CLASSES` | `FILE_UNREADABLE` */
export async function readClassTable(classes: string): Promise<ClassTable> {
  if (classes in knownClasses) return parseClassTable(knownClasses[classes as keyof typeof knownClasses], classes);
  const json = await readJson(classes);
  if (json === undefined) {
    throw new SkySenseError({
      code: "BAD_CLASSES",
      what: "there is no such class table",
      where: classes,
      remedy: `Give a JSON file, or one of ${Object.keys(knownClasses).join(", ")}.`,
    });
  }
  return parseClassTable(json, classes);
}

async function readIndex(path: string): Promise<MaskIndex | undefined> {
  const json = await readJson(path);
  if (json === undefined) return undefined;
  const parsed = maskIndex.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path: field, message } = parsed.error.issues[0]!;
  throw badIndex(path, `${field.join(".")}: ${message}`);
}

function openIndex(
  index: MaskIndex,
  path: string,
  { subset, table, sensor = "hr" }: OpenMaskSetOptions & { table: ClassTable | undefined },
): MaskSet {
  const where = join(path, "index.json");
  const inside = (file: string) => {
    if (relative(path, resolve(path, file)).startsWith(".."))
      throw badIndex(where, `${file} lies outside the folder`);
    return join(path, file);
  };
  const items = index.items.flatMap((item): MaskItem[] => {
    const [file, mask] = [item.file ?? item[sensor], item.mask ?? item.label];
    if (typeof file !== "string" || mask === undefined) return [];
    if (subset !== undefined && item.dataset !== subset) return [];
    return [{ id: file, image: inside(file), mask: inside(mask), split: item.split }];
  });
  const classes = table ?? tableOfIndex(index, { subset, where });
  if (items.length === 0) throw noneOf(sensor, index, where);
  const name = [index.name ?? basename(resolve(path)), ...(subset === undefined ? [] : [subset])].join(": ");
  return { name, path, layout: "index.json of images with masks", ...classes, items };
}

/** No item has an image of this sensor: another one may be meant. */
function noneOf(sensor: SensorName, { items }: MaskIndex, where: string): SkySenseError {
  const others = sensorNames.filter((name) => items.some((item) => hasMask(item, name)));
  const what = `no item has an image of ${sensor} and a mask`;
  if (others.length === 0) return badIndex(where, what);
  return new SkySenseError({
    code: "NO_PAIRS",
    what,
    where,
    remedy: `Choose one by --sensor: ${others.join(", ")}.`,
  });
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(path, cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badIndex(path, `it is no JSON: ${(cause as Error).message}`);
  }
}

function badIndex(where: string, what: string): SkySenseError {
  return new SkySenseError({
    code: "BAD_INDEX",
    what: `the file is not valid: ${what}`,
    where,
    remedy:
      'An index: {"classes": ["land", "water"], "items": [{"file": "images/1.png", "mask": "masks/1.png", "split": "train"}]}.',
  });
}

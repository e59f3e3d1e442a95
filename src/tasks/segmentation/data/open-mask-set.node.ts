import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { type OnFault, refuse } from "../../../core/faults.ts";
import { type SensorName, sensorNames } from "../../../core/place.ts";
import { unreadable } from "../../../core/read-file.node.ts";
import { type IndexFile, indexFile } from "../../../evaluate/index-file.node.ts";
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
  const file = indexFile(path, example);
  const json = options.images === undefined ? await file.read() : undefined;
  if (json !== undefined) return openIndex(file, file.check(json, maskIndex), { ...options, table, path });
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
  const text = await readFile(classes, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") throw badTable("there is no such class table", classes, cause);
    throw unreadable(classes, cause);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badTable(`the class table is no JSON: ${(cause as Error).message}`, classes, cause);
  }
  return parseClassTable(json, classes);
}

function badTable(what: string, where: string, cause: unknown): SkySenseError {
  return new SkySenseError({
    code: "BAD_CLASSES",
    what,
    where,
    remedy: `Give a JSON file, or one of ${Object.keys(knownClasses).join(", ")}.`,
    cause,
  });
}

const example =
  '{"classes": ["land", "water"], "items": [{"file": "images/1.png", "mask": "masks/1.png", "split": "train"}]}';

function openIndex(
  { where, inside, bad }: IndexFile,
  index: MaskIndex,
  { path, subset, table, sensor = "hr" }: OpenMaskSetOptions & { path: string; table: ClassTable | undefined },
): MaskSet {
  const sets = new Set(index.items.flatMap(({ dataset }) => dataset ?? []));
  if (subset !== undefined && !sets.has(subset)) {
    throw new SkySenseError({
      code: "SUBSET_UNKNOWN",
      what: `the index holds no set "${subset}"`,
      where,
      remedy: sets.size === 0 ? "Leave out --subset." : `Choose one by --subset: ${[...sets].join(", ")}.`,
    });
  }
  const items = index.items.flatMap((item): MaskItem[] => {
    const [file, mask] = [item.file ?? item[sensor], item.mask ?? item.label];
    if (typeof file !== "string" || mask === undefined) return [];
    if (subset !== undefined && item.dataset !== subset) return [];
    return [{ id: file, image: inside(file), mask: inside(mask), split: item.split }];
  });
  const classes = table ?? tableOfIndex(index, { subset, where });
  if (items.length === 0) throw noneOf(sensor, index, { where, bad });
  const name = [index.name ?? basename(resolve(path)), ...(subset === undefined ? [] : [subset])].join(": ");
  return { name, path, layout: "index.json of images with masks", ...classes, items };
}

/** No item has an image of this sensor: another one may be meant. */
function noneOf(
  sensor: SensorName,
  { items }: MaskIndex,
  { where, bad }: Pick<IndexFile, "where" | "bad">,
): SkySenseError {
  const others = sensorNames.filter((name) => items.some((item) => hasMask(item, name)));
  const what = `no item has an image of ${sensor} and a mask`;
  if (others.length === 0) return bad(what);
  return new SkySenseError({
    code: "NO_PAIRS",
    what,
    where,
    remedy: `Choose one by --sensor: ${others.join(", ")}.`,
  });
}

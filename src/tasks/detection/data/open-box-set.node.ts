import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { SkySenseError } from "../../../core/error.ts";
import { keepSound, refuse } from "../../../core/faults.ts";
import { readWholeFile } from "../../../core/read-file.node.ts";
import type { VectorLabels } from "../../../evaluate/labelled-tiles.node.ts";
import { type Annotation, badAnnotation, numbersOf } from "./annotation.ts";
import { type BoxRules, type BoxSet, type Found, toBoxSet } from "./box-set.ts";
import { parseCoco } from "./parse-coco.ts";
import { parseDota } from "./parse-dota.ts";
import { parseXml } from "./parse-xml.ts";
import { openVectorBoxes } from "./vector-boxes.node.ts";

const pictures = /\.(png|jpe?g|webp|tiff?|jp2|bmp)$/i;

export interface OpenBoxSetOptions extends BoxRules {
  /** Polygons that lie over the images. Default: annotations are found below the folder. */
  vectors?: VectorLabels | undefined;
}

/**
 * Open a set of images with boxes; the layout is found out:
 *
 * - `index.json`: `classes`, and `items` with `file`, maybe `split`, and `boxes` [x₁, y₁, x₂, y₂, class] or `labels`, a
 *   text of DOTA;
 * - COCO: a `.json` with `images`, `annotations` and `categories`;
 * - VOC, DIOR, DIOR-R, FAIR1M: `.xml` beside or apart from images of the same name;
 * - DOTA: `.txt` in a folder whose name begins with `labelTxt`.
 *
 * With `vectors`, `path` is an image or a folder of images, and objects are polygons of a vector file: see
 * {@link openVectorBoxes}.
 *
 * Splits come from `ImageSets/Main/*.txt`, from the name of a COCO file, or from a folder called train, val or test.
 *
 * @throws SkySenseError `SET_NOT_FOUND` | `NO_ANNOTATIONS` | `NO_IMAGE` | `BAD_ANNOTATION` and those of {@link toBoxSet}
 */
export async function openBoxSet(path: string, { vectors, ...rules }: OpenBoxSetOptions): Promise<BoxSet> {
  if (vectors !== undefined) return openVectorBoxes(path, vectors, rules);
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new SkySenseError({
      code: "SET_NOT_FOUND",
      what: "there is no such folder",
      where: path,
      remedy: "Give the folder of a set of images and boxes.",
    });
  }
  const files = (await readdir(path, { recursive: true })).map((file) => file.split(sep).join("/")).sort();
  const folder: Folder = { path, files, images: byStem(files.filter((file) => pictures.test(file))) };
  const set = { name: basename(resolve(path)), path, ...rules };
  if (files.includes("index.json")) {
    const { found, name = set.name, classes } = await readIndex(folder, rules);
    const layout = "index.json of images with boxes";
    return toBoxSet(found, { ...set, name, layout, classes: rules.classes ?? classes });
  }
  const coco = await readCoco(folder, rules);
  if (coco !== undefined) {
    return toBoxSet(coco.found, { ...set, layout: "COCO", classes: rules.classes ?? coco.classes });
  }
  const found = await readTexts(folder, rules);
  return toBoxSet(found, { ...set, layout: textLayout(found) });
}

/** What texts beside images are called after. */
function textLayout(found: readonly Found[]): string {
  const xml = found.filter(({ file }) => file.endsWith(".xml")).length;
  return xml === 0 ? "texts as DOTA's" : xml === found.length ? "XML as VOC's, DIOR's or FAIR1M's" : "XML and texts";
}

interface Folder {
  path: string;
  /** Paths below it. */
  files: readonly string[];
  /** Pictures by their name without its ending. */
  images: ReadonlyMap<string, readonly string[]>;
}

const stemOf = (file: string) => basename(file, extname(file));

function byStem(files: readonly string[]): Map<string, string[]> {
  const stems = new Map<string, string[]>();
  for (const file of files) stems.set(stemOf(file), [...(stems.get(stemOf(file)) ?? []), file]);
  return stems;
}

/** The picture of that name, of several the one nearest in the tree. @throws SkySenseError `NO_IMAGE` */
function imageFor(name: string, file: string, { path, images }: Folder): string {
  const folders = dirname(file).split("/");
  const shared = (image: string) => {
    const own = dirname(image).split("/");
    const apart = own.findIndex((part, i) => part !== folders[i]);
    return apart < 0 ? own.length : apart;
  };
  const found = (images.get(stemOf(name)) ?? []).toSorted((a, b) => shared(b) - shared(a))[0];
  if (found !== undefined) return found;
  throw new SkySenseError({
    code: "NO_IMAGE",
    what: `there is no image "${stemOf(name)}"`,
    where: join(path, file),
    remedy: "Put the images below the set's folder, with the names of their annotations.",
  });
}

function splitOf(words: readonly string[]): string | undefined {
  for (const word of words) {
    const [, split] = /(?:^|[^a-z])(train|val|test)(?:idation|id)?(?:[^a-z]|$)/i.exec(word) ?? [];
    if (split !== undefined) return split.toLowerCase();
  }
  return undefined;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse((await readWholeFile(file)).toString("utf8"));
  } catch (cause) {
    if (cause instanceof SkySenseError) throw cause;
    throw badAnnotation(`it is no JSON: ${(cause as Error).message}`, file, cause);
  }
}

const indexSchema = z.looseObject({
  name: z.string().optional(),
  classes: z.array(z.string()).optional(),
  items: z
    .array(
      z.looseObject({
        file: z.string(),
        width: z.number().positive().optional(),
        height: z.number().positive().optional(),
        split: z.string().optional(),
        boxes: z.union([z.array(z.array(z.unknown()).length(5)), z.int()]).optional(),
        labels: z.string().optional(),
      }),
    )
    .min(1),
});

async function readIndex({ path }: Folder, { onFault = refuse }: BoxRules) {
  const where = join(path, "index.json");
  const parsed = indexSchema.safeParse(await readJson(where));
  if (!parsed.success) {
    const { path: field, message } = parsed.error.issues[0]!;
    throw badAnnotation(`${field.join(".")}: ${message}`, where);
  }
  const { name, classes, items } = parsed.data;
  const inside = (file: string) => {
    if (relative(path, resolve(path, file)).startsWith("..")) {
      throw badAnnotation(`${file} lies outside of the folder`, where);
    }
    return join(path, file);
  };
  const found = await keepSound(
    onFault,
    items.map(async ({ file, labels, boxes, width, height, split }): Promise<Found> => {
      const size = width === undefined || height === undefined ? undefined : ([height, width] as const);
      const image = inside(file);
      if (labels !== undefined) {
        const from = inside(labels);
        const text = (await readWholeFile(from)).toString("utf8");
        return { id: file, image, split, file: from, annotation: { ...parseDota(text, from), size } };
      }
      if (!Array.isArray(boxes)) throw badAnnotation(`${file} has neither "boxes" nor "labels"`, where);
      const objects = boxes.map((box, i) => ({
        name: String(box[4]),
        corners: numbersOf(box.slice(0, 4), `${file}, box ${i + 1}`, where),
        difficult: false,
      }));
      return { id: file, image, split, file: where, annotation: { image: file, size, objects } };
    }),
  );
  return { name, classes, found };
}

/** All COCO files of the folder as one; undefined: there is none. */
async function readCoco(
  folder: Folder,
  { onFault = refuse }: BoxRules,
): Promise<{ classes: string[]; found: Found[] } | undefined> {
  const names = folder.files.filter((file) => file.endsWith(".json"));
  const classes: string[] = [];
  const found: Found[] = [];
  for (const name of names) {
    const file = join(folder.path, name);
    const json = await readJson(file);
    if (typeof json !== "object" || json === null || !("annotations" in json && "categories" in json)) continue;
    const coco = parseCoco(json, file);
    for (const own of coco.classes) if (!classes.includes(own)) classes.push(own);
    const images = coco.images.map(async (annotation): Promise<Found> => {
      const id = imageFor(annotation.image, name, folder);
      return { id, image: join(folder.path, id), split: splitOf([name, id]), file, annotation };
    });
    found.push(...(await keepSound(onFault, images)));
  }
  return classes.length === 0 ? undefined : { classes, found };
}

/** VOC, DIOR, FAIR1M and DOTA: a file for each image. */
async function readTexts(folder: Folder, { oriented, onFault = refuse }: BoxRules): Promise<Found[]> {
  const splits = await readImageSets(folder);
  const names = annotationsOf(folder, oriented);
  return keepSound(
    onFault,
    names.map(async (name): Promise<Found> => {
      const file = join(folder.path, name);
      const text = (await readWholeFile(file)).toString("utf8");
      const annotation: Annotation = name.endsWith(".xml") ? parseXml(text, file) : parseDota(text, file);
      const id = imageFor(name, name, folder);
      const split = splits.get(stemOf(name)) ?? splitOf(dirname(name).split("/"));
      return { id, image: join(folder.path, id), split, file, annotation };
    }),
  );
}

/** Whether a file is an annotation of one image, by its name; GDAL writes .aux.xml beside images. */
export function isAnnotation(file: string): boolean {
  return /(?<!\.aux)\.xml$/i.test(file) || /(^|\/)labelTxt[^/]*\/.*\.txt$/i.test(file);
}

function annotationsOf({ path, files }: Folder, oriented: boolean): string[] {
  const all = files.filter(isAnnotation);
  // DIOR has both kinds, in folders that say so.
  const other = oriented ? /horizontal/i : /oriented/i;
  const fitting = all.filter((file) => !other.test(dirname(file)));
  const chosen = fitting.length > 0 ? fitting : all;
  if (chosen.length > 0) return chosen;
  throw new SkySenseError({
    code: "NO_ANNOTATIONS",
    what: "no boxes were found: no index.json, no COCO .json, no .xml and no labelTxt/*.txt",
    where: path,
    remedy: "Give the folder that holds images and annotations.",
  });
}

/** Names of images by the lists of VOC, ImageSets/Main/train.txt … */
async function readImageSets({ path, files }: Folder): Promise<Map<string, string>> {
  const splits = new Map<string, string>();
  for (const split of ["train", "val", "test"]) {
    const list = files.find((file) => file.endsWith(`ImageSets/Main/${split}.txt`));
    if (list === undefined) continue;
    const text = (await readWholeFile(join(path, list))).toString("utf8");
    for (const name of text.split(/\s+/)) if (name !== "") splits.set(name, split);
  }
  return splits;
}

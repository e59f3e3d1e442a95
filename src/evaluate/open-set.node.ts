import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import { type OnFault, refuse } from "../core/faults.ts";
import type { Place } from "../core/place.ts";
import { unreadable } from "../core/read-file.node.ts";
import { type OpenSceneOptions, openScene } from "../imagery/scene/open-scene.node.ts";
import { readCsvIndex } from "./csv-index.ts";
import type { LabelledSet, Sample } from "./labelled-set.ts";
import { openSeries, seriesIndex } from "./pixel-series.node.ts";
import { resizeStack } from "./resize-stack.ts";

export interface OpenSetOptions {
  /** What the images do not say themselves, as for any scene; `hrPixelsPerCell` and `keepBands` of the model too. */
  scene?: OpenSceneOptions;
  /** Bring images to this many pixels a side. Default: as they are. */
  size?: number;
  /** Which one, where an index holds several sets of series. */
  subset?: string;
  /** What to do with a folder without images. */
  onFault?: OnFault;
}

const imageIndex = z.object({
  name: z.string().optional(),
  classes: z.array(z.string()).optional(),
  items: z
    .array(
      z.object({
        file: z.string(),
        label: z.string().optional(),
        labels: z.array(z.string()).optional(),
        split: z.string().optional(),
      }),
    )
    .min(1),
});

/**
 * Open a labelled data set: a folder with an `index.json` (items with `file`, `label` or `labels`, and maybe `split`) or
 * the same as `index.csv` (see `readCsvIndex`), else a folder for each class with its images. Nothing is read but names.
 *
 * @throws SkySenseError `SET_NOT_FOUND` | `BAD_INDEX` | `NO_CLASSES` | `EMPTY_CLASS` | `SUBSET_UNKNOWN`
 */
export async function openSet(path: string, options: OpenSetOptions = {}): Promise<LabelledSet> {
  const folder = await stat(path).catch(() => undefined);
  if (folder === undefined) throw notFound(path, "the folder does not exist");
  if (!folder.isDirectory()) throw notFound(path, "this is a file, not a folder");
  for (const name of ["index.json", "index.csv"]) {
    const index = join(path, name);
    const text = await readIfThere(index);
    if (text === undefined) continue;
    const json = parse(text, index);
    if (typeof json === "object" && json !== null && "sets" in json) {
      return openSeries(check(seriesIndex, json, index), { folder: path, subset: options.subset });
    }
    return openIndex(check(imageIndex, json, index), index, options);
  }
  return openFolders(path, options);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(path, cause);
  }
}

function openIndex(index: z.infer<typeof imageIndex>, where: string, options: OpenSetOptions): LabelledSet {
  const path = dirname(where);
  const labelsOf = ({ label, labels }: (typeof index.items)[0]) => labels ?? (label === undefined ? [] : [label]);
  const multiLabel = index.items.some(({ labels }) => labels !== undefined);
  const classes = index.classes ?? [...new Set(index.items.flatMap(labelsOf))].sort();
  const samples = index.items.map((item) => {
    const names = labelsOf(item);
    const wrong = names.find((name) => !classes.includes(name));
    if (wrong !== undefined || (!multiLabel && names.length === 0)) {
      const what = wrong === undefined ? `${item.file} has no label` : `${item.file} has the class ${wrong}`;
      throw badIndex(where, `${what}, which is not among the classes`);
    }
    if (relative(path, resolve(path, item.file)).startsWith("..")) {
      throw badIndex(where, `${item.file} lies outside the folder`);
    }
    const labels = names.map((name) => classes.indexOf(name));
    return imageSample(path, item.file, { labels, split: item.split, options });
  });
  const layout = `${basename(where)} of images with ${multiLabel ? "any number of classes" : "a class"} each`;
  return { name: index.name ?? basename(resolve(path)), path, classes, multiLabel, samples, layout };
}

/** What lies beside images without being one. */
export const notImages = /\.(json|xml|txt|csv|md|html|tfw|tifw|tiffw|jgw|jpw|jpgw|pgw|pngw|wld|prj|ovr|msk|db)$/i;

async function openFolders(path: string, options: OpenSetOptions): Promise<LabelledSet> {
  const classes: string[] = [];
  const samples: Sample[] = [];
  for (const name of await visible(path)) {
    if (!(await stat(join(path, name))).isDirectory()) continue;
    const files = (await visible(join(path, name))).filter((file) => !notImages.test(file));
    if (files.length === 0) {
      const fault = new SkySenseError({
        code: "EMPTY_CLASS",
        what: "there is no image in the folder of this class",
        where: join(path, name),
        remedy: "Add images, or remove the folder.",
      });
      (options.onFault ?? refuse)(fault);
      continue;
    }
    for (const file of files) {
      samples.push(imageSample(path, join(name, file), { labels: [classes.length], split: undefined, options }));
    }
    classes.push(name);
  }
  if (classes.length === 0) {
    throw new SkySenseError({
      code: "NO_CLASSES",
      what: "there is neither an index.json or index.csv nor a folder for each class here",
      where: path,
      remedy: "Put images into folders named by their class: FOLDER/CLASS/IMAGE.",
    });
  }
  const layout = "a folder for each class";
  return { name: basename(resolve(path)), path, classes, multiLabel: false, samples, layout };
}

async function visible(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith(".")).sort();
}

function imageSample(
  folder: string,
  file: string,
  { labels, split, options }: Pick<Sample, "labels" | "split"> & { options: OpenSetOptions },
): Sample {
  const path = join(folder, file);
  return {
    id: file.split(sep).join("/"),
    labels,
    split,
    file,
    async stamp() {
      const stats = await Promise.all([path, `${path}.skysense.json`].map((p) => stat(p).catch(() => undefined)));
      return stats.map((s) => (s === undefined ? "" : `${s.size} ${s.mtimeMs}`)).join(" ");
    },
    read: ({ signal } = {}) => readImage(path, options, signal),
  };
}

async function readImage(
  path: string,
  { scene: sceneOptions, size }: OpenSetOptions,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const scene = await openScene([path], { ...sceneOptions, ...(signal && { signal }) });
  try {
    const { width, height } = scene.grid;
    const place = await scene.read([0, 0, width, height], { ...(signal && { signal }) });
    if (size === undefined) return place;
    for (const { sensor } of scene.sensors) place[sensor] = resizeStack(sensor, place[sensor]!, size);
    return place;
  } finally {
    await scene.close();
  }
}

function parse(text: string, where: string): unknown {
  const isCsv = where.endsWith(".csv");
  try {
    return isCsv ? readCsvIndex(text) : JSON.parse(text);
  } catch (cause) {
    throw badIndex(where, `${isCsv ? "" : "it is no JSON: "}${(cause as Error).message}`, cause);
  }
}

function check<T>(schema: z.ZodType<T>, json: unknown, where: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw badIndex(where, `${path.join(".")}: ${message}`, result.error);
}

function badIndex(where: string, what: string, cause?: unknown): SkySenseError {
  return new SkySenseError({
    code: "BAD_INDEX",
    what: `the index of the data set is not valid: ${what}`,
    where,
    remedy: where.endsWith(".csv")
      ? 'An example: "file,labels,split" in the first line, and "1.jpg,Forest;Water,train" in the next.'
      : 'An example: {"items": [{"file": "Forest/1.jpg", "label": "Forest", "split": "train"}]}.',
    cause,
  });
}

function notFound(path: string, what: string): SkySenseError {
  return new SkySenseError({ code: "SET_NOT_FOUND", what, where: path, remedy: "Give the folder of a data set." });
}

import { basename, resolve } from "node:path";
import { z } from "zod";
import { SkySenseError } from "../../../core/error.ts";
import { mapSound, type OnFault } from "../../../core/faults.ts";
import { indexFile } from "../../../evaluate/index-file.node.ts";
import { type Candidate, placesOfIndex } from "../../../evaluate/index-recipes.ts";
import { openSeries, seriesIndex } from "../../../evaluate/pixel-series.node.ts";
import type { OpenSceneOptions } from "../../../imagery/scene/open-scene.node.ts";
import type { PlaceFiles } from "../../../imagery/scene/place-source.node.ts";
import type { LabelMapFile } from "../../../train/data/label-map.ts";
import { isPair } from "../../change/data/change-index.ts";
import { type ClassTable, tableOfNames } from "../../maps/classes.ts";
import { tableOfIndex } from "../../maps/mask-index.ts";
import type { DatedItem, DatedSet } from "./dated-set.ts";

const byValue = z.record(z.string(), z.string());

const schema = z.looseObject({
  name: z.string().optional(),
  classes: z.union([z.array(z.string()).min(2), byValue]).optional(),
  /** What the values of masks mean, in words that `tableOfIndex` understands. */
  mask: z.string().optional(),
  /** Classes of land cover and of crops, of maps with both. */
  lc_classes: byValue.optional(),
  ct_classes: byValue.optional(),
  items: z.array(z.looseObject({ split: z.string().optional() })).min(1),
});

type Index = z.infer<typeof schema>;
type Item = Index["items"][number];

const example =
  '{"classes": ["land", "water"], "items": [{"id": "a", "files": ["a/s2.tif"], "mask": "a/label.tif", "split": "train"}]}';

/** What is known of an item: classes of the whole, or a file with those of its cells. */
type Truth = { labels: readonly string[] } | { map: Omit<LabelMapFile, "coding"> };

/**
 * A set of dated places whose `index.json` lists them. An item says which images it has, as any of
 * `{"id": "a", "files": ["a/s2.tif", {"file": "a/s1.tif", "sensor": "s1", "units": "dB", "dates": [...]}]}` (the fields
 * are those of a description) or as the sets that `placesOfIndex` knows; and what is known of it: `mask`, a file with a
 * class for every pixel of its finest images, `label`, one class of the whole, or `labels`, several.
 *
 * @param options.subset  Of sets of pixel series: which one. Of maps with land cover and crops: "lc" (default) or "ct".
 * @throws SkySenseError `BAD_INDEX` | `BAD_CLASSES` | `NO_CLASSES` | `SUBSET_UNKNOWN`
 */
export async function openDatedIndex(
  path: string,
  { subset, onFault }: { subset: string | undefined; onFault: OnFault },
): Promise<DatedSet> {
  const { where, read, check, inside, bad } = indexFile(path, example);
  const at = (file: string) => resolve(inside(file));
  const json = await read();
  const series = seriesIndex.safeParse(json);
  if (series.success) return pixelSet(series.data, path, subset);
  const index = check(json, schema);
  const truths = index.items.map((item) => truthOf(item, index, subset));
  const answer = truths.some((truth) => truth !== undefined && "map" in truth)
    ? "map"
    : index.items.some(({ labels }) => Array.isArray(labels))
      ? "classes"
      : "class";
  const table = tableOf(index, truths, { subset, where });
  const names = table.classes.map(({ name }) => name);
  const items = mapSound(onFault, index.items, (item, i): DatedItem => {
    const truth = truths[i];
    const { places, skipped } = placesOfIndex([item], { ...index, name: basename(path) });
    if (truth === undefined || skipped.length > 0) {
      throw bad(`item ${i} ${truth === undefined ? "has neither mask nor label" : skipped[0]!.reason}`);
    }
    const place = places[0]!;
    const { id } = place;
    const source = sourceOf(place, at);
    if (answer === "map" && !("map" in truth)) throw bad(`${id} has no mask, but others have one`);
    if ("map" in truth) {
      const labelMap = { ...truth.map, file: at(truth.map.file), coding: table.coding };
      return { id, split: item.split, source, labels: [], labelMap };
    }
    const unknown = truth.labels.find((name) => !names.includes(name));
    if (unknown !== undefined) throw bad(`${id} has the class ${unknown}, which is not among the classes`);
    return { id, split: item.split, source, labels: truth.labels.map((name) => names.indexOf(name)) };
  });
  const name = [index.name ?? basename(resolve(path)), ...(subset === undefined ? [] : [subset])].join(": ");
  return { name, path, layout: "index.json of dated places", answer, classes: table.classes, items };
}

/** Whether an item of an index is a place with labels of which one image alone does not say all. */
export function isDatedPlace(item: Readonly<Record<string, unknown>>): boolean {
  if (typeof item.file === "string" || isPair(item)) return false;
  const labelled = ["mask", "label", "labels", "labels_10m"].some((key) => item[key] !== undefined);
  return labelled && placesOfIndex([item], { name: "" }).places.length > 0;
}

const rasters = /\.(tiff?|png|npy|jp2)$/i;

function truthOf(item: Item, { ct_classes }: Index, subset: string | undefined): Truth | undefined {
  const { mask, label, labels, labels_10m: both } = item as Record<string, unknown>;
  if (Array.isArray(labels)) return { labels: labels.map(String) };
  if (typeof mask === "string") return { map: { file: mask } };
  if (typeof label === "string") return rasters.test(label) ? { map: { file: label } } : { labels: [label] };
  const map = z.object({ file: z.string(), bands: z.array(z.string()) }).safeParse(both);
  if (!map.success || ct_classes === undefined) return undefined;
  const band = map.data.bands.indexOf((subset ?? "lc").toUpperCase());
  return { map: { file: map.data.file, band: Math.max(0, band) } };
}

function tableOf(
  index: Index,
  truths: readonly (Truth | undefined)[],
  { subset, where }: { subset: string | undefined; where: string },
): ClassTable {
  const { classes, mask, lc_classes: lc, ct_classes: ct } = index;
  const maps = { lc, ct: ct && { "0": "no data", ...ct } };
  if (lc !== undefined && ct !== undefined) {
    const chosen = maps[(subset ?? "lc") as "lc" | "ct"];
    if (chosen !== undefined) return tableOfIndex({ items: [{}], classes: chosen }, { subset: undefined, where });
    throw new SkySenseError({
      code: "SUBSET_UNKNOWN",
      what: `the set has no labels "${subset}"`,
      where,
      remedy: "Choose one by --subset: lc (land cover), ct (crops).",
    });
  }
  if (classes !== undefined) return tableOfIndex({ items: [{}], classes, mask }, { subset: undefined, where });
  const found = new Set(truths.flatMap((truth) => (truth !== undefined && "labels" in truth ? truth.labels : [])));
  if (found.size > 1) return tableOfNames([...found].sort(), { where });
  throw new SkySenseError({
    code: "NO_CLASSES",
    what: "the index names no classes",
    where,
    remedy: 'Add them: "classes": ["land", "water"], or {"0": "land", "1": "water", "255": "no data"}.',
  });
}

function sourceOf({ files, describe, options = {} }: Candidate, at: (file: string) => string): PlaceFiles {
  const described = describe as { files: { file: string }[] } | undefined;
  const absolute = described && {
    ...described,
    files: described.files.map((one) => ({ ...one, file: at(one.file) })),
  };
  return {
    files: files.map(at),
    options: { ...(options as OpenSceneOptions), ...(absolute && { describe: absolute }) },
  };
}

/** Series of single pixels, of which each is a place. */
function pixelSet(index: z.infer<typeof seriesIndex>, path: string, subset: string | undefined): DatedSet {
  const { name, classes, samples } = openSeries(index, { folder: path, subset });
  return {
    ...{ name, path, layout: "series of pixels", answer: "class" },
    classes: tableOfNames(classes, { where: path }).classes,
    items: samples.map((sample) => ({
      id: sample.id,
      labels: sample.labels,
      // All of a set is "train": what is judged is drawn from it.
      split: sample.split === "train" ? undefined : sample.split,
      source: { read: () => sample.read() },
    })),
  };
}

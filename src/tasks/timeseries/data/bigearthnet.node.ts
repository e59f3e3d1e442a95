import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { z } from "zod";
import { SkySenseError } from "../../../core/error.ts";
import { keepSound, mapSound, type OnFault } from "../../../core/faults.ts";
import { readWholeFile } from "../../../core/read-file.node.ts";
import { parseCsv } from "../../../evaluate/csv-index.ts";
import type { PlaceFiles } from "../../../imagery/scene/place-source.node.ts";
import { findDate } from "../../../imagery/sensor/dates.ts";
import type { FileDescription } from "../../../imagery/sensor/description.ts";
import { modelBands } from "../../../imagery/sensor/profiles.ts";
import { tableOfNames } from "../../maps/classes.ts";
import { bigEarthNetClasses, labelsOf } from "./bigearthnet-labels.ts";
import type { DatedItem, DatedSet } from "./dated-set.ts";

/** What the set says of a patch, whichever version it is of. */
interface Patch {
  /** Folder of its Sentinel-2 bands, whose last part is its name, and of its Sentinel-1 bands where there are any. */
  s2: string;
  s1: string | undefined;
  labels: readonly string[];
  split: string | undefined;
}

/** Folders of the two sensors, as the archives unpack. */
const folderNames = { s2: ["BigEarthNet-S2", "BigEarthNet-v1.0"], s1: ["BigEarthNet-S1", "BigEarthNet-S1-v1.0"] };

/** Files that are read at the same time. */
const parallel = 64;

/** Is it a folder of BigEarthNet? */
export function looksLikeBigEarthNet(names: readonly string[]): boolean {
  return names.some((name) => name === "metadata.parquet" || folderNames.s2.includes(name) || isPatch(name));
}

const isPatch = (name: string) => /^S2[AB]_MSIL2A_\d{8}T\d{6}(_|$)/.test(name);

/**
 * BigEarthNet, multi-label patches of 1.2 km. Version 2: `metadata.parquet` with labels, splits and the names of the
 * Sentinel-1 patches, `BigEarthNet-S2/TILE/PATCH/PATCH_B02.tif`, `BigEarthNet-S1/PRODUCT/PATCH/PATCH_VV.tif`. Version 1:
 * a folder for each patch with `PATCH_B02.tif` and `PATCH_labels_metadata.json`, alone or in `BigEarthNet-v1.0`, beside
 * `BigEarthNet-S1-v1.0`; splits from `train.csv`, `val.csv` and `test.csv`, whose lines begin with the patch's name;
 * patches that `patches_with_seasonal_snow.csv` and `patches_with_cloud_and_shadow.csv` name are left out, as published.
 *
 * @param options.subset  "19" (default) or "43" classes; patches without any of them are left out.
 * @see Sumbul et al. 2021, arXiv:2105.07921 (classes); Clasen et al. 2024, arXiv:2407.03653 (version 2)
 * @throws SkySenseError `SUBSET_UNKNOWN` | `NO_PATCHES` | `BAD_METADATA`
 */
export async function openBigEarthNet(
  path: string,
  { subset = "19", onFault }: { subset?: string | undefined; onFault: OnFault },
): Promise<DatedSet> {
  const parquet = join(path, "metadata.parquet");
  const second = (await stat(parquet).catch(() => undefined)) !== undefined;
  if ((subset !== "19" && subset !== "43") || (second && subset === "43")) {
    throw new SkySenseError({
      code: "SUBSET_UNKNOWN",
      what: second ? "the second version of BigEarthNet has 19 classes" : `BigEarthNet has no ${subset} classes`,
      where: path,
      remedy: `Give --subset 19${second ? "" : " or 43"}.`,
    });
  }
  const count = subset === "43" ? 43 : 19;
  const { patches, notes } = await (second
    ? patchesOfTable(path, parquet, onFault)
    : patchesOfFolders(path, onFault));
  if (patches.length === 0) {
    throw new SkySenseError({
      code: "NO_PATCHES",
      what: "there is no patch of BigEarthNet here",
      where: path,
      remedy: "Give the folder that holds metadata.parquet and BigEarthNet-S2, or the folders of the patches.",
    });
  }
  const items = mapSound(onFault, patches, (patch): DatedItem => {
    const found = labelsOf(patch.labels, count);
    const id = basename(patch.s2);
    if ("unknown" in found) throw badMetadata(`${id} has the class "${found.unknown}", which does not exist`, path);
    return { id, split: patch.split, labels: found.labels, source: sourceOf(patch) };
  });
  const labelled = items.filter(({ labels }) => labels.length > 0);
  const without = items.length - labelled.length;
  return {
    ...{ name: `BigEarthNet, ${count} classes`, path, answer: "classes", items: labelled },
    layout: second ? "metadata.parquet and patches of BigEarthNet 2" : "folders of patches of BigEarthNet 1",
    notes: [...notes, ...(without > 0 ? [`patches with none of the ${count} classes, left out: ${without}`] : [])],
    classes: tableOfNames(bigEarthNetClasses[count], { where: path }).classes,
  };
}

function sourceOf({ s2, s1 }: Patch): PlaceFiles {
  const date = (folder: string) => findDate(basename(folder))?.date ?? "unknown";
  const file = (folder: string, sensor: "s2" | "s1", band: string): FileDescription & { file: string } => ({
    file: resolve(folder, `${basename(folder)}_${band}.tif`),
    sensor,
    bands: [band],
    dates: date(folder),
    // All of it is older than processing baseline 04.00, which brought the offset.
    ...(sensor === "s2" ? { units: "reflectance*10000", offset: 0 } : { units: "dB" }),
    check: false,
  });
  const files = [
    ...modelBands("s2").map((band) => file(s2, "s2", band)),
    ...(s1 === undefined ? [] : modelBands("s1").map((band) => file(s1, "s1", band))),
  ];
  return { files: files.map((one) => one.file), options: { describe: { files } } };
}

const row = z.object({
  patch_id: z.string(),
  labels: z.array(z.string()),
  split: z.string().nullish(),
  s1_name: z.string().nullish(),
});

/** The patches, and what a user should know of those that are left out. */
interface Found {
  patches: readonly Patch[];
  notes: readonly string[];
}

async function patchesOfTable(path: string, parquet: string, onFault: OnFault): Promise<Found> {
  const columns = Object.keys(row.shape);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(parquet), columns }).catch(
    (cause: unknown) => {
      throw badMetadata(`it cannot be read: ${(cause as Error).message}`, parquet, cause);
    },
  );
  const s1Folder = (await stat(join(path, "BigEarthNet-S1")).catch(() => undefined)) && join(path, "BigEarthNet-S1");
  const patches = mapSound(onFault, rows, (json): Patch => {
    const parsed = row.safeParse(json);
    if (!parsed.success) {
      const { path: field, message } = parsed.error.issues[0]!;
      throw badMetadata(`${field.join(".")}: ${message}`, parquet, parsed.error);
    }
    const { patch_id: id, labels, split, s1_name: s1 } = parsed.data;
    return {
      s2: join(path, "BigEarthNet-S2", withoutEnd(id, 2), id),
      s1: s1Folder && s1 ? join(s1Folder, withoutEnd(s1, 3), s1) : undefined,
      labels,
      split: split === "validation" ? "val" : (split ?? undefined),
    };
  });
  return { patches, notes: [] };
}

/** A name without its last parts: "…_T33UUP_26_57" → "…_T33UUP". */
function withoutEnd(name: string, parts: number): string {
  return name.split("_").slice(0, -parts).join("_");
}

const patchJson = z.looseObject({ labels: z.array(z.string()), corresponding_s2_patch: z.string().optional() });

async function patchesOfFolders(path: string, onFault: OnFault): Promise<Found> {
  const folder = async (names: readonly string[]) => {
    for (const name of names) {
      const at = join(path, name);
      if ((await stat(at).catch(() => undefined)) !== undefined) return at;
    }
    return undefined;
  };
  const s2Folder = (await folder(folderNames.s2)) ?? path;
  const s1Folder = await folder(folderNames.s1);
  const splits = new Map<string, { split: string; s1: string | undefined }>();
  for (const split of ["train", "val", "test"]) {
    for (const [s2, s1] of await readLists(path, [`${split}.csv`])) if (s2) splits.set(s2, { split, s1 });
  }
  const without = new Set(
    (await readLists(path, ["patches_with_seasonal_snow.csv", "patches_with_cloud_and_shadow.csv"])).map(
      ([name]) => name,
    ),
  );
  const there = (await readdir(s2Folder)).filter(isPatch).sort();
  const names = there.filter((name) => !without.has(name));
  const partners = s1Folder === undefined ? new Map<string, string>() : await partnersIn(s1Folder, splits, onFault);
  const patches = await inParallel(onFault, names, async (name): Promise<Patch> => {
    const { labels } = await readPatchJson(s2Folder, name);
    const s1 = partners.get(name);
    return { s2: join(s2Folder, name), s1: s1 && join(s1Folder!, s1), labels, split: splits.get(name)?.split };
  });
  const known = new Set(there);
  const absent = [...splits.keys()].filter((name) => !known.has(name));
  const notes = [
    ...(there.length > names.length ? [`patches with snow or clouds, left out: ${there.length - names.length}`] : []),
    ...(absent.length > 0 ? [`patches in the list of a split, but not here: ${absent.length}, as ${absent[0]}`] : []),
  ];
  return { patches, notes };
}

/** Which Sentinel-1 patch lies over which of Sentinel-2: as the lists say, else as the patches themselves do. */
async function partnersIn(
  folder: string,
  splits: ReadonlyMap<string, { s1: string | undefined }>,
  onFault: OnFault,
): Promise<Map<string, string>> {
  const listed = [...splits].flatMap(([s2, { s1 }]) => (s1 ? [[s2, s1] as const] : []));
  if (listed.length > 0) return new Map(listed);
  const names = (await readdir(folder)).filter((name) => /^S1[AB]_/.test(name)).sort();
  const found = await inParallel(onFault, names, async (name) => [
    (await readPatchJson(folder, name)).corresponding_s2_patch,
    name,
  ]);
  return new Map(found.filter((pair): pair is [string, string] => pair[0] !== undefined));
}

async function readPatchJson(folder: string, name: string): Promise<z.infer<typeof patchJson>> {
  const file = join(folder, name, `${name}_labels_metadata.json`);
  const bytes = await readWholeFile(file);
  try {
    return patchJson.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw badMetadata(`it names no labels: ${(cause as Error).message.slice(0, 100)}`, file, cause);
  }
}

/** The lines of those of these files that are there. */
async function readLists(path: string, files: readonly string[]): Promise<string[][]> {
  const texts = await Promise.all(files.map((file) => readFile(join(path, file), "utf8").catch(() => "")));
  return texts.flatMap((text, i) => {
    try {
      return parseCsv(text);
    } catch (cause) {
      throw badMetadata((cause as Error).message, join(path, files[i]!), cause);
    }
  });
}

/** In the order of the items, without those that have faults. */
async function inParallel<T, R>(onFault: OnFault, items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const out: R[] = [];
  for (let i = 0; i < items.length; i += parallel) {
    out.push(...(await keepSound(onFault, items.slice(i, i + parallel).map(run))));
  }
  return out;
}

function badMetadata(what: string, where: string, cause?: unknown): SkySenseError {
  return new SkySenseError({
    code: "BAD_METADATA",
    what: `this is not the metadata of BigEarthNet: ${what}`,
    where,
    remedy: "Get the file of the published set.",
    cause,
  });
}

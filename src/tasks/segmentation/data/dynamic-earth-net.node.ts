import { readdir, readFile } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { mapSound, type OnFault } from "../../../core/faults.ts";
import { ignoredLabel } from "../../../train/data/label-map.ts";
import { parseClassTable } from "../../maps/classes.ts";
import type { MaskItem, MaskSet } from "./mask-set.ts";

/** In the order of the bands of the labels; the colours are those of the published code. */
const classes = [
  ["impervious surface", "#606060"],
  ["agriculture", "#cccc00"],
  ["forest and other vegetation", "#00cc00"],
  ["wetlands", "#000099"],
  ["soil", "#994c00"],
  ["water", "#0080ff"],
] as const;

/** A label's last band is snow and ice, which the published evaluation leaves out. */
const planes = [...classes.keys(), ignoredLabel];

/** The image of the first of a month, whose day the labels were drawn on. */
const imageName = /(?:^|\/)(\d+_\d+_\d+)\/PF-SR\/(\d{4}-\d\d)-01\.tif$/;
/** In some published folders a hyphen stands before the zone. */
const labelName = /(?:^|\/)(\d+_\d+_\d+)[_-][^/]+\/Labels\/Raster\/(?:[^/]+\/)?[^/]*(\d{4}-\d\d)-01\.tif$/;
const listName = /(?:^|\/)(train|val|test)\.txt$/;

/** Are these files of DynamicEarthNet's labels? */
export function hasMonthlyLabels(files: readonly string[]): boolean {
  return files.some((file) => labelName.test(file));
}

/**
 * DynamicEarthNet as it is published: 75 areas of 1024 × 1024 pixels of 3 m with 24 monthly label maps each, image
 * `ZONE/TILE/AREA/PF-SR/2018-01-01.tif` (blue, green, red, near infrared; reflectance × 10⁴), label
 * `AREA_ZONE/Labels/Raster/TILE/TILE-2018-01-01.tif` (a band for each class, 255 where it is), wherever the archives
 * were unpacked, and `train.txt`, `val.txt` and `test.txt`, whose lines name the area in their paths. Days other than
 * the first of a month have no labels and are left aside; a pixel that no band claims counts for nothing (the published
 * code gives it the first class).
 *
 * Images are HR: 0 to 255 stand for reflectances of 0 to 0.3, which are those of land without snow.
 *
 * @returns undefined: there are no such labels
 * @see Toker et al. 2022, arXiv:2203.12560; layout: github.com/aysim/dynnet
 * @throws SkySenseError `NO_IMAGE`
 */
export async function openDynamicEarthNet(path: string, onFault: OnFault): Promise<MaskSet | undefined> {
  const files = (await readdir(path, { recursive: true })).map((file) => file.split(sep).join("/"));
  if (!hasMonthlyLabels(files)) return undefined;
  const [images, labels] = [monthsOf(files, imageName), monthsOf(files, labelName)];
  const splits = await splitsOf(path, files);
  const items = mapSound(onFault, [...labels].sort(), ([id, label]): MaskItem => {
    const [area = "", month = ""] = id.split("/");
    const [year, number] = month.split("-").map(Number) as [number, number];
    const image = images.get(id);
    if (image === undefined) throw noImage(id, join(path, label));
    return {
      ...{ id, image: join(path, image), mask: join(path, label) },
      ...{ split: splits.get(area), block: area, series: { place: area, step: 12 * year + number } },
    };
  });
  const table = parseClassTable({ classes: classes.map(([name, colour]) => ({ name, colour })) }, path);
  return {
    ...{ name: "DynamicEarthNet", path, layout: "images and monthly labels of DynamicEarthNet", items },
    classes: table.classes,
    coding: { values: [], colours: [], planes },
    scene: { describe: { sensor: "hr", bands: ["B", "G", "R", "NIR"], units: "0-3000", check: false } },
    notes: notesOf(items, [...images.keys()], splits),
  };
}

/** Of each "AREA/MONTH" its file. */
function monthsOf(files: readonly string[], name: RegExp): Map<string, string> {
  return new Map(
    files.flatMap((file) => {
      const [, area, month] = name.exec(file) ?? [];
      return area === undefined ? [] : [[`${area}/${month}`, file] as const];
    }),
  );
}

/** The split of each area that a list names. */
async function splitsOf(path: string, files: readonly string[]): Promise<Map<string, string>> {
  const splits = new Map<string, string>();
  for (const file of files.filter((name) => listName.test(name))) {
    const split = basename(file, ".txt");
    for (const line of (await readFile(join(path, file), "utf8")).split("\n")) {
      const area = /\d+_\d+_\d+/.exec(line)?.[0];
      if (area !== undefined) splits.set(area, split);
    }
  }
  return splits;
}

function notesOf(items: readonly MaskItem[], images: readonly string[], splits: ReadonlyMap<string, string>) {
  const labelled = new Set(items.map(({ block }) => block!));
  const shown = new Set(images.map((id) => id.split("/")[0]!));
  return [
    ["without labels, so left out", [...shown].filter((area) => !labelled.has(area))] as const,
    ["in no list of a split", splits.size === 0 ? [] : [...labelled].filter((area) => !splits.has(area))] as const,
    ["in the list of a split, but not here", [...splits.keys()].filter((area) => !shown.has(area))] as const,
  ].flatMap(([what, areas]) => (areas.length === 0 ? [] : [`${areas.join(", ")}: ${what}`]));
}

function noImage(id: string, label: string): SkySenseError {
  return new SkySenseError({
    code: "NO_IMAGE",
    what: `there is no image PF-SR/${id.split("/")[1]}-01.tif of this area`,
    where: label,
    remedy: "Unpack the archives planet.ZONE.zip beside the labels, or take the label out.",
  });
}

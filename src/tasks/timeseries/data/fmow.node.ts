import { basename, join, resolve } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { mapSound, type OnFault } from "../../../core/faults.ts";
import type { Location } from "../../../core/place.ts";
import { readWholeFile } from "../../../core/read-file.node.ts";
import { parseCsv } from "../../../evaluate/csv-index.ts";
import { findDate } from "../../../imagery/sensor/dates.ts";
import { bandOrders } from "../../../imagery/sensor/profiles.ts";
import { tableOfNames } from "../../maps/classes.ts";
import type { DatedItem, DatedSet } from "./dated-set.ts";

/** The tables of the set, the folder that each one's images are in, and what the split is called here. */
const tables = [
  { file: "train.csv", folder: "train", split: "train" },
  { file: "val.csv", folder: "val", split: "val" },
  { file: "test_gt.csv", folder: "test_gt", split: "test" },
] as const;

const columns = ["category", "location_id", "image_id", "timestamp", "polygon"] as const;

/** Is it the first line of a table of fMoW-Sentinel? */
export function looksLikeFmow(header: string): boolean {
  const names = header.split(",").map((name) => name.trim());
  return columns.slice(0, 4).every((name) => names.includes(name));
}

/** Is it an image of fMoW-Sentinel, where the published set has it? */
export function isFmowImage(file: string): boolean {
  return /^(train|val|test_gt)\/([^/]+)\/\2_\d+\/\2_\d+_\d+\.tif$/.test(file);
}

/**
 * fMoW-Sentinel: `train.csv`, `val.csv` and `test_gt.csv`, whose lines name a category, location, image, time and polygon,
 * and the images `SPLIT/CATEGORY/CATEGORY_LOCATION/CATEGORY_LOCATION_IMAGE.tif`, 13 bands of Sentinel-2 L1C each. Every
 * image is an item of its own, as it is in the published protocol.
 *
 * @see Cong et al. 2022, SatMAE, arXiv:2207.08051
 * @throws SkySenseError `BAD_METADATA` | `DATES_MISSING`
 */
export async function openFmow(
  path: string,
  { files, onFault }: { files: readonly string[]; onFault: OnFault },
): Promise<DatedSet> {
  const found = tables.filter(({ file }) => files.includes(file));
  const rows: { line: Line; folder: string; split: string }[] = [];
  for (const { file, folder, split } of found) {
    const where = join(path, file);
    const lines = linesOf((await readWholeFile(where)).toString("utf8"), { where, onFault });
    rows.push(...lines.map((line) => ({ line, folder, split })));
  }
  const names = [...new Set(rows.map(({ line }) => line.category))].sort();
  const items = rows.map(({ line, folder, split }): DatedItem => {
    const { category, location_id, image_id, timestamp, polygon } = line;
    const id = `${folder}/${category}/${category}_${location_id}/${category}_${location_id}_${image_id}.tif`;
    const file = resolve(path, id);
    const { date } = findDate(timestamp)!;
    const said = { file, sensor: "s2", units: "reflectance*10000", offset: 0, check: false } as const;
    const described = { files: [{ ...said, bands: [...bandOrders.l1c!.bands], dates: date }] };
    const location = middleOf(polygon);
    return {
      ...{ id, split, labels: [names.indexOf(category)] },
      source: { files: [file], options: { describe: described, ...(location && { location }) } },
    };
  });
  return {
    ...{ name: "fMoW-Sentinel", path, layout: "tables and images of fMoW-Sentinel", answer: "class", items },
    classes: tableOfNames(names, { where: path }).classes,
  };
}

type Line = Record<(typeof columns)[number], string>;

function linesOf(text: string, { where, onFault }: { where: string; onFault: OnFault }): Line[] {
  const [header, ...lines] = parsed(text, where);
  const at = columns.map((name) => header?.indexOf(name) ?? -1);
  const lacking = columns.find((name, i) => at[i]! < 0 && name !== "polygon");
  if (lacking !== undefined) throw badTable(`the first line does not name a column "${lacking}"`, where);
  return mapSound(onFault, lines, (cells, i) => {
    const line = Object.fromEntries(columns.map((name, c) => [name, cells[at[c]!] ?? ""])) as Line;
    if (line.category === "" || line.image_id === "") throw badTable(`line ${i + 2} is not complete`, where);
    if (findDate(line.timestamp) === undefined) throw noDate(line, where);
    return line;
  });
}

function parsed(text: string, where: string): string[][] {
  try {
    return parseCsv(text);
  } catch (cause) {
    throw badTable((cause as Error).message, where);
  }
}

function noDate({ category, location_id, image_id, timestamp }: Line, where: string): SkySenseError {
  return new SkySenseError({
    code: "DATES_MISSING",
    what: `the image ${category}_${location_id}_${image_id} has no date, but the timestamp "${timestamp}"`,
    where,
    remedy: `Get ${basename(where)} of the published set, which has the time of every image.`,
  });
}

/** Of the corners of a polygon in WKT, longitude before latitude. */
function middleOf(wkt: string): Location | undefined {
  const numbers = wkt.match(/-?\d+(\.\d+)?/g)?.map(Number) ?? [];
  if (numbers.length < 6) return undefined;
  const middle = (from: number) => {
    const own = numbers.filter((_, i) => i % 2 === from);
    return (Math.min(...own) + Math.max(...own)) / 2;
  };
  const location = { longitude: middle(0), latitude: middle(1) };
  return Math.abs(location.latitude) <= 90 && Math.abs(location.longitude) <= 180 ? location : undefined;
}

function badTable(what: string, where: string): SkySenseError {
  return new SkySenseError({
    code: "BAD_METADATA",
    what: `this is not a table of fMoW-Sentinel: ${what}`,
    where,
    remedy: `Get ${basename(where)} of the published set, with the columns ${columns.join(", ")}.`,
  });
}

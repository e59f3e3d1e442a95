import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { SkySenseError } from "../../../core/error.ts";
import { mapSound, type OnFault } from "../../../core/faults.ts";
import type { Location } from "../../../core/place.ts";
import { readWholeFile } from "../../../core/read-file.node.ts";
import { locationOf } from "../../../imagery/scene/crs.ts";
import type { PlaceFiles } from "../../../imagery/scene/place-source.node.ts";
import type { FileDescription } from "../../../imagery/sensor/description.ts";
import { parseClassTable } from "../../maps/classes.ts";
import type { DatedItem, DatedSet } from "./dated-set.ts";

/** The classes by their numbers; 19 is void and counts for nothing. */
const classes = [
  "Background",
  "Meadow",
  "Soft winter wheat",
  "Corn",
  "Winter barley",
  "Winter rapeseed",
  "Spring barley",
  "Sunflower",
  "Grapevine",
  "Beet",
  "Winter triticale",
  "Winter durum wheat",
  "Fruits, vegetables, flowers",
  "Potatoes",
  "Leguminous fodder",
  "Soybeans",
  "Orchard",
  "Mixed cereal",
  "Sorghum",
];
const voidLabel = 19;

const s2Bands = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"];
/** The third is the ratio of the two. */
const s1Bands = ["VV", "VH", "-"];

/** Of each fold that is given: its rotation of the five into what is learnt from, chosen by and judged. */
const splits = ["train", "train", "train", "val", "test"] as const;

const dateList = z.union([z.string(), z.array(z.number()), z.record(z.string(), z.number())]);
const metadata = z.looseObject({
  crs: z.looseObject({ properties: z.looseObject({ name: z.string() }) }).optional(),
  features: z
    .array(
      z.looseObject({
        properties: z.looseObject({
          ID_PATCH: z.union([z.number(), z.string()]),
          Fold: z.number().nullish(),
          "dates-S2": dateList.nullish(),
          "dates-S1A": dateList.nullish(),
          "dates-S1D": dateList.nullish(),
        }),
        geometry: z.unknown(),
      }),
    )
    .min(1),
});

/** The series that the set may hold: folder, prefix of its files, and what a file is. */
const sources = [
  {
    folder: "DATA_S2",
    prefix: "S2",
    dates: "dates-S2",
    said: { sensor: "s2", bands: s2Bands, units: "reflectance*10000", offset: 0 },
  },
  { folder: "DATA_S1A", prefix: "S1A", dates: "dates-S1A", said: { sensor: "s1", bands: s1Bands, units: "dB" } },
  { folder: "DATA_S1D", prefix: "S1D", dates: "dates-S1D", said: { sensor: "s1", bands: s1Bands, units: "dB" } },
] as const;

/** Is it the folder of PASTIS or PASTIS-R? */
export function looksLikePastis(names: readonly string[]): boolean {
  return names.includes("metadata.geojson") && names.includes("ANNOTATIONS");
}

/**
 * PASTIS, and PASTIS-R with Sentinel-1 beside: `metadata.geojson` with dates and folds, `DATA_S2/S2_ID.npy`
 * [dates, 10, 128, 128], `DATA_S1A/S1A_ID.npy` and `DATA_S1D/S1D_ID.npy` [dates, 3, 128, 128], and
 * `ANNOTATIONS/TARGET_ID.npy`, whose first plane holds the classes.
 *
 * The published protocol rotates five folds: three to learn from, one to choose by, one to judge.
 *
 * @param options.fold   1 to 5: which rotation; the k-th learns from folds k, k + 1 and k + 2.
 * @param options.folders  Those that are there.
 * @see Sainte Fare Garnot and Landrieu 2021, arXiv:2107.07933; PASTIS-R: 2022, arXiv:2112.07558
 * @throws SkySenseError `BAD_METADATA` | `FOLD_UNKNOWN` | `FOLDS_MISSING` | `DATES_MISSING` | `NO_IMAGES`
 */
export async function openPastis(
  path: string,
  { folders, fold = 1, onFault }: { folders: readonly string[]; fold?: number | undefined; onFault: OnFault },
): Promise<DatedSet> {
  const where = join(path, "metadata.geojson");
  const { features, crs } = parseMetadata(await readWholeFile(where), where);
  if (![1, 2, 3, 4, 5].includes(fold)) {
    throw new SkySenseError({
      code: "FOLD_UNKNOWN",
      what: `PASTIS has five folds, and no rotation ${fold} of them`,
      where: path,
      remedy: "Give --fold 1 to 5.",
    });
  }
  const there = sources.filter(({ folder }) => folders.includes(folder));
  if (there.length === 0) {
    throw new SkySenseError({
      code: "NO_IMAGES",
      what: `there is none of the folders ${sources.map(({ folder }) => folder).join(", ")}`,
      where: path,
      remedy: "Unpack the series of the published set beside its metadata.geojson.",
    });
  }
  const table = parseClassTable(
    { classes: classes.map((name, value) => ({ name, value })), ignore: [voidLabel] },
    where,
  );
  const items = mapSound(onFault, features, ({ properties, geometry }): DatedItem => {
    const id = String(properties.ID_PATCH);
    const given = [1, 2, 3, 4, 5].find((own) => own === properties.Fold);
    const split = given === undefined ? undefined : splits[(given - fold + 5) % 5];
    if (split === undefined) {
      throw new SkySenseError({
        code: "FOLDS_MISSING",
        what: `the patch ${id} says of no fold from 1 to 5 that it is in it`,
        where,
        remedy: "Get the metadata.geojson of the published set, whose features have the property Fold.",
      });
    }
    const files = there.map(({ folder, prefix, dates, said }): FileDescription & { file: string } => ({
      ...said,
      bands: [...said.bands],
      file: resolve(path, folder, `${prefix}_${id}.npy`),
      dates: datesOf(properties[dates], { id, field: dates, where }),
      check: false,
    }));
    const location = middleOf(geometry, crs?.properties.name);
    const source: PlaceFiles = {
      files: files.map(({ file }) => file),
      options: { describe: { files }, ...(location && { location }) },
    };
    const labelMap = { file: resolve(path, "ANNOTATIONS", `TARGET_${id}.npy`), coding: table.coding, band: 0 };
    return { id, split, source, labels: [], labelMap };
  });
  const name = there.length > 1 ? "PASTIS-R" : "PASTIS";
  return { name: `${name}, fold ${fold}`, path, layout: name, answer: "map", classes: table.classes, items };
}

function parseMetadata(bytes: Buffer, where: string): z.infer<typeof metadata> {
  try {
    return metadata.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0]! : undefined;
    const reason = issue === undefined ? (cause as Error).message : `${issue.path.join(".")}: ${issue.message}`;
    throw new SkySenseError({
      code: "BAD_METADATA",
      what: `this is not the metadata of PASTIS: ${reason}`,
      where,
      remedy: `Get it again; the folder ${basename(resolve(where, ".."))} is to be that of the published set.`,
      cause,
    });
  }
}

/** {"0": 20180917, …}, as it stands there or as text, in the order of its keys: the dates of the planes. */
function datesOf(
  value: z.infer<typeof dateList> | null | undefined,
  { id, field, where }: { id: string; field: string; where: string },
): string[] {
  const entries = Object.entries((typeof value === "string" ? listOf(value) : value) ?? {});
  if (entries.length === 0) {
    throw new SkySenseError({
      code: "DATES_MISSING",
      what: `the patch ${id} has no ${field}`,
      where,
      remedy: "Get the metadata.geojson of the published set, which has the date of every image.",
    });
  }
  return entries
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, date]) => String(date).replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3"));
}

/** What a text of JSON lists; undefined: it is none. */
function listOf(text: string): Record<string, number> | undefined {
  try {
    return z.record(z.string(), z.number()).parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Of a polygon's corners. The file is in the projection of France, which GeoJSON knows no more. */
function middleOf(geometry: unknown, crs = "EPSG:4326"): Location | undefined {
  const numbers = JSON.stringify((geometry as { coordinates?: unknown } | null)?.coordinates ?? [])
    .match(/-?\d+(\.\d+)?(e-?\d+)?/g)
    ?.map(Number);
  if (numbers === undefined || numbers.length % 2 === 1) return undefined;
  const middle = (from: number) => {
    const own = numbers.filter((_, i) => i % 2 === from);
    return (Math.min(...own) + Math.max(...own)) / 2;
  };
  const code = /EPSG:+(\d+)$/i.exec(crs)?.[1];
  const grid = {
    crs: `EPSG:${code ?? 4326}`,
    transform: [1, 0, middle(0), 0, 1, middle(1)],
    width: 1,
    height: 1,
  } as const;
  return locationOf(grid, [0, 0]);
}

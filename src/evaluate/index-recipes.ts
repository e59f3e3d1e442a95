import { z } from "zod";
import type { SensorName } from "../core/place.ts";
import type { FileDescription } from "../imagery/sensor/description.ts";

/** A place of a data set before its files were opened; files are relative to the set's folder. */
export interface Candidate {
  id: string;
  files: string[];
  /** A description of the files: the path of a sidecar, or its content. */
  describe?: string | Record<string, unknown> | undefined;
  options?: ReadingOptions | undefined;
  location?: [longitude: number, latitude: number] | undefined;
  /** What is tried instead when these files are refused. */
  otherwise?: Candidate[];
}

/** Items of a set that no place is made of, and why. */
export interface Skipped {
  id: string;
  reason: string;
}

/** What holds for all files of a sensor, and how to read the place: see `openScene`. */
interface ReadingOptions {
  sensor?: SensorName | undefined;
  hr?: unknown;
  s2?: unknown;
  s1?: unknown;
  maxDates?: number | undefined;
  maxCloud?: number | undefined;
  reproject?: boolean | undefined;
}

type Described = FileDescription & { file: string };

interface Recipe {
  item: z.ZodType;
  // biome-ignore lint/suspicious/noExplicitAny: each recipe has items of its own shape
  places: (item: any, set: SetFacts) => Candidate[] | Skipped;
}

/** What an index says of all its items. */
export interface SetFacts {
  bands?: unknown;
}

const name = z.string().min(1);
const series = z.looseObject({ file: name, bands: z.array(name), dates: z.array(name) });

function recipe<T>(item: z.ZodType<T>, places: (item: T, set: SetFacts) => Candidate[] | Skipped): Recipe {
  return { item, places };
}

/** Options that say the same of all files of a place would hide what each says: so they are described one by one. */
function described(id: string, files: readonly Described[], options?: Candidate["options"]): Candidate {
  return {
    id,
    files: files.map(({ file }) => file),
    ...(files.some((file) => Object.keys(file).length > 1) && { describe: { files } }),
    ...(options && { options }),
  };
}

/** The first that an item fits is taken, so those that ask for more stand first. */
const recipes: readonly Recipe[] = [
  // Pictures in infrared, red and green would be taken for true colours.
  recipe(z.looseObject({ file: name, dataset: z.literal("ISPRS Vaihingen") }), ({ file }) => ({
    id: file,
    reason: "infrared, red and green, which are no true colours",
  })),
  recipe(z.looseObject({ file: name }), ({ file }, { bands }) => {
    const order = z.array(name).safeParse(bands);
    return [
      order.success && order.data.length > 3
        ? { id: file, files: [file], options: { s2: { bands: order.data } } }
        : { id: file, files: [file] },
    ];
  }),
  // Two pictures of one place without dates: two places.
  recipe(z.looseObject({ a: name, b: name }), ({ a, b }) => [a, b].map((file) => ({ id: file, files: [file] }))),
  // Sentinel-2 pairs: a file for each date and resolution.
  recipe(
    z.looseObject({ place: name, dates: z.tuple([name, name]), files: z.record(z.string(), name) }),
    ({ place, dates, files }) => [
      described(
        place,
        Object.entries(files).map(([key, file]) => ({
          file,
          sensor: "s2" as const,
          dates: dates[key.startsWith("t1") ? 0 : 1]!,
        })),
      ),
    ],
  ),
  recipe(z.looseObject({ id: name, s1: name, s2: name.optional() }), ({ id, s1, s2 }) => [
    described(id, [
      { file: s1, sensor: "s1", units: "dB*100" },
      ...(s2 === undefined ? [] : [{ file: s2, sensor: "s2" as const }]),
    ]),
  ]),
  // It is not recorded whether the offset of newer products was taken off these numbers.
  recipe(z.looseObject({ id: name, s2_l2a: name, s1_rtc: name }), ({ id, s2_l2a, s1_rtc }) => {
    const s1 = { file: s1_rtc, sensor: "s1" as const, units: "dB*100" };
    const place = (s2: FileDescription) => described(id, [{ file: s2_l2a, ...s2 }, s1]);
    return [{ ...place({ sensor: "s2" }), otherwise: [place({ sensor: "s2", offset: -1000 })] }];
  }),
  recipe(
    z.looseObject({ id: name, aerial: name, s2: series, s1_asc: series, s1_des: series }),
    ({ id, aerial, s2, ...s1 }) => [
      described(id, [
        { file: aerial, sensor: "hr" },
        { file: s2.file, sensor: "s2", bands: s2.bands, dates: s2.dates },
        ...[s1.s1_asc, s1.s1_des].map(({ file, bands, dates }) => ({
          file,
          sensor: "s1" as const,
          bands,
          dates,
          units: "power",
        })),
      ]),
    ],
  ),
  recipe(
    z.looseObject({
      place: name,
      s2_10m: series.optional(),
      s2_20m: series.optional(),
      s1_20m: series,
      scl_20m: z.looseObject({ file: name }),
    }),
    ({ place, s2_10m, s2_20m, s1_20m, scl_20m }) => [
      {
        ...described(place, [
          ...[s2_10m, s2_20m].flatMap((s2) => (s2 === undefined ? [] : [{ file: s2.file, sensor: "s2" as const }])),
          { file: s1_20m.file, sensor: "s1", units: "dB*100" },
          { file: scl_20m.file, sensor: "scl" },
        ]),
        options: { maxCloud: 0.1 },
      },
    ],
  ),
  // Both sensors in one file, which can be read as one of them at a time. dB = 20 log10(number) − 83.
  recipe(z.looseObject({ place: name, series: name, bands: z.array(name), dates: z.array(name) }), (item) => [
    { id: `${item.place}/s2`, files: [item.series], options: { sensor: "s2" } },
    {
      id: `${item.place}/s1`,
      files: [item.series],
      options: { sensor: "s1", s1: { units: "amplitude", scale: 10 ** (-83 / 20) } },
    },
  ]),
  recipe(
    z.looseObject({ reference_scenes: z.looseObject({ file: name, bands: z.array(name) }) }),
    ({ reference_scenes: { file, bands } }) => [
      { id: file, files: [file], options: { s2: { bands, dates: "unknown" } } },
    ],
  ),
  // Any files, each with what it does not say itself.
  recipe(
    z.looseObject({ id: name, files: z.array(z.union([name, z.looseObject({ file: name })])).min(1) }),
    ({ id, files }) => [
      described(
        id,
        files.map((file) => (typeof file === "string" ? { file } : (file as Described))),
      ),
    ],
  ),
  // A file for each band.
  recipe(z.looseObject({ id: name, bands: z.record(z.string(), z.looseObject({ file: name })) }), ({ id, bands }) => [
    { id, files: Object.values(bands).map(({ file }) => file) },
  ]),
];

/** Pictures that say their dates and nothing else show one place. */
const dated = z
  .array(z.looseObject({ file: name, date: name, split: z.undefined().optional(), label: z.undefined().optional() }))
  .min(2);

/** The places of an index, whatever the set calls its files, and what no place is made of. */
export function placesOfIndex(
  items: readonly unknown[],
  set: SetFacts & { name: string },
): { places: Candidate[]; skipped: Skipped[] } {
  const images = dated.safeParse(items);
  if (images.success) {
    const files = images.data.map(({ file, date }) => ({ file, dates: date }));
    return { places: [described(set.name, files)], skipped: [] };
  }
  const found = items.map((item) => placesOfItem(item, set));
  return {
    places: found.flatMap((one) => (Array.isArray(one) ? one : [])),
    skipped: found.flatMap((one) => (Array.isArray(one) ? [] : [one])),
  };
}

function placesOfItem(item: unknown, set: SetFacts): Candidate[] | Skipped {
  for (const { item: shape, places } of recipes) {
    const fits = shape.safeParse(item);
    if (fits.success) return places(fits.data, set);
  }
  const { id, place } = (item ?? {}) as { id?: unknown; place?: unknown };
  const named = String(id ?? place ?? JSON.stringify(item)?.slice(0, 60));
  return { id: named, reason: "the index does not say in a known way which images it has" };
}

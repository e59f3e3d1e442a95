import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import type { ImageStack, Place } from "../core/place.ts";
import { readWholeFile } from "../core/read-file.node.ts";
import { profiles } from "../imagery/sensor/profiles.ts";
import type { LabelledSet, Sample } from "./labelled-set.ts";

/** Sets of dated series of single pixels: raw little-endian uint16 [samples, dates, channels] beside the index. */
export const seriesIndex = z.object({
  name: z.string().optional(),
  /** "S2 B02", "S1 VV", …; channels of other sources are not used. */
  channels: z.array(z.string()).min(1),
  sets: z
    .array(
      z.object({
        set: z.string(),
        values: z.string().regex(/^[^/\\]+$/, "expected the name of a file beside the index"),
        shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
        dates: z.array(z.string()),
        split: z.string().optional(),
        samples: z.array(
          z.object({
            id: z.string(),
            lat: z.number(),
            lon: z.number(),
            code: z.string().optional(),
            /** null: the code has no name. */
            label: z.string().nullable(),
            split: z.string().optional(),
          }),
        ),
      }),
    )
    .min(1),
});

type Series = z.infer<typeof seriesIndex>["sets"][number];

/** Numbers that mean no data: both occur, and neither is a measurement. */
const missing = new Set([0, 65535]);

/**
 * One of the sets of an index as labelled places of a single pixel, S2 and S1, at the dates of the set.
 *
 * S2 values are reflectance × 10⁴; S1 values v are 20 log₁₀ v − 83 dB.
 * @throws SkySenseError `SUBSET_UNKNOWN` | `BAD_INDEX`
 */
export function openSeries(
  { channels, sets, name = "pixel series" }: z.infer<typeof seriesIndex>,
  { folder, subset }: { folder: string; subset: string | undefined },
): LabelledSet {
  const series = sets.length === 1 && subset === undefined ? sets[0] : sets.find(({ set }) => set === subset);
  if (series === undefined) {
    throw new SkySenseError({
      code: "SUBSET_UNKNOWN",
      what: subset === undefined ? `${name} holds several sets` : `${name} holds no set ${subset}`,
      where: join(folder, "index.json"),
      remedy: `Choose one by --subset: ${sets.map(({ set }) => set).join(", ")}.`,
    });
  }
  const [count, dates, width] = series.shape;
  if (count !== series.samples.length || dates !== series.dates.length || width !== channels.length) {
    throw new SkySenseError({
      code: "BAD_INDEX",
      what: `the shape [${series.shape}] does not fit ${series.samples.length} samples, ${series.dates.length} dates and ${channels.length} channels`,
      where: join(folder, "index.json"),
      remedy: "Correct the index.",
    });
  }
  const classOf = ({ label, code }: Series["samples"][number]) => label ?? `code ${code}`;
  const classes = [...new Set(series.samples.map(classOf))].sort();
  const file = join(folder, series.values);
  let values: Promise<Uint16Array> | undefined;
  const load = () => {
    values ??= readSeries(file, count * dates * width);
    return values;
  };
  const samples = series.samples.map(
    (item, i): Sample => ({
      id: item.id,
      labels: [classes.indexOf(classOf(item))],
      split: item.split ?? series.split,
      async stamp() {
        const { size, mtimeMs } = await stat(file);
        return `${size} ${mtimeMs}`;
      },
      async read() {
        const own = (await load()).subarray(i * dates * width, (i + 1) * dates * width);
        return toPlace(own, { channels, series, location: { longitude: item.lon, latitude: item.lat } });
      },
    }),
  );
  return { name: `${name}, ${series.set}`, path: file, classes, multiLabel: false, samples };
}

async function readSeries(file: string, length: number): Promise<Uint16Array> {
  const bytes = await readWholeFile(file);
  if (bytes.length !== 2 * length) {
    throw new SkySenseError({
      code: "BAD_INDEX",
      what: `the file has ${bytes.length} bytes, the index says ${2 * length}`,
      where: file,
      remedy: "Get the file again, or correct the index.",
    });
  }
  return Uint16Array.from({ length }, (_, i) => bytes.readUInt16LE(2 * i));
}

/** [dates, channels] of one pixel as a place; a date counts where all bands of its sensor have a value. */
function toPlace(
  values: Uint16Array,
  { channels, series, location }: { channels: readonly string[]; series: Series; location: Place["location"] },
): Place {
  const place: Place = { ...(location && { location }) };
  for (const sensor of ["s2", "s1"] as const) {
    const columns = channels.flatMap((channel, c) => {
      const [source, band] = channel.split(" ");
      return source?.toLowerCase() === sensor ? [{ c, band: band! }] : [];
    });
    if (columns.length === 0) continue;
    const { bands: known } = profiles[sensor];
    const data = new Float32Array(series.dates.length * columns.length);
    const mask = new Uint8Array(series.dates.length);
    for (let t = 0; t < mask.length; t++) {
      const row = columns.map(({ c }) => values[t * channels.length + c]!);
      mask[t] = row.some((value) => missing.has(value)) ? 0 : 1;
      for (const [b, { band }] of columns.entries()) {
        const mean = known.find(({ name }) => name === band)?.normalisation?.mean ?? 0;
        const value = sensor === "s2" ? row[b]! : 20 * Math.log10(row[b]!) - 83;
        data[t * columns.length + b] = mask[t] === 1 ? value : mean;
      }
    }
    if (mask.every((valid) => valid === 0)) continue;
    const bands = columns.map(({ band }) => band);
    const shape: ImageStack["shape"] = [mask.length, bands.length, 1, 1];
    place[sensor] = { data, shape, bands, mask, dates: series.dates };
  }
  return place;
}

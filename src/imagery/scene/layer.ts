import type { Grid, Window } from "../../core/grid.ts";
import type { SensorName } from "../../core/place.ts";
import type { Raster } from "../raster.ts";
import type { Layout } from "../sensor/layout.ts";
import { profiles } from "../sensor/profiles.ts";
import { type Conversion, convert } from "../sensor/unit-names.ts";

/** Which pixels of a file hold nothing. */
export interface Emptiness {
  /** Per band in the file. */
  nodata: readonly (number | undefined)[];
  /** "any": one band without data empties the pixel; "all": only all of them do, as black in a picture. */
  rule: "any" | "all";
  /** A pixel with this value in all bands of a date is empty too. */
  emptyValue?: number;
  /** The file's own alpha band or mask counts. */
  fileMask: boolean;
}

/** One file, understood: every band placed, units and nodata known. */
export interface Layer {
  raster: Raster;
  sensor: SensorName;
  /** The raster's grid; its CRS may be the one that the user gave. */
  grid: Grid;
  layout: Layout;
  emptiness: Emptiness;
  conversion: Conversion;
}

/** Values as they stand in the file; NaN: empty. Band-major [bands, height, width] of `bands`. */
export async function readRaw(
  { raster, layout, emptiness }: Pick<Layer, "raster" | "layout" | "emptiness">,
  { window, bands, signal }: { window: Window; bands: readonly number[]; signal?: AbortSignal },
): Promise<Float32Array> {
  const { data } = await raster.read({ window, bands, signal });
  const values = new Float32Array(data);
  const pixels = window[2] * window[3];
  const { nodata, rule, emptyValue } = emptiness;
  const mask = emptiness.fileMask ? await raster.readMask?.({ window, signal }) : undefined;
  const floating = data instanceof Float32Array || data instanceof Float64Array;
  const known = bands.some((band) => nodata[band] !== undefined);
  if (!floating && !known && emptyValue === undefined && mask === undefined) return values;

  const single = data instanceof Float32Array;
  const missing = bands.map((band) =>
    single && nodata[band] !== undefined ? Math.fround(nodata[band]) : nodata[band],
  );
  // Emptiness is decided per date: the bands of one date stand or fall together.
  const dateOf = new Map(layout.slots.map(({ index, date }) => [index, date]));
  const groups = new Map<number | undefined, number[]>();
  for (const [i, band] of bands.entries()) {
    const date = dateOf.get(band);
    groups.set(date, groups.get(date) ?? []);
    groups.get(date)!.push(i);
  }
  for (const members of groups.values()) {
    for (let p = 0; p < pixels; p++) {
      let without = 0;
      let atEmptyValue = 0;
      for (const i of members) {
        const value = data[i * pixels + p]!;
        if (value === missing[i] || (floating && !Number.isFinite(value))) without++;
        if (value === emptyValue) atEmptyValue++;
      }
      const empty =
        mask?.[p] === 0 ||
        (rule === "any" ? without > 0 : without === members.length) ||
        (emptyValue !== undefined && atEmptyValue === members.length);
      if (empty) for (const i of members) values[i * pixels + p] = Number.NaN;
    }
  }
  return values;
}

/** Like {@link readRaw}, in the unit of the sensor's profile. */
export async function readLayer(
  layer: Layer,
  options: { window: Window; bands: readonly number[]; signal?: AbortSignal },
): Promise<Float32Array> {
  const values = await readRaw(layer, options);
  const { conversion, sensor } = layer;
  const same = conversion.scale === 1 && conversion.offset === 0 && conversion.log === undefined;
  // Eight bits are within 0–255 as they are: the large HR scenes take this way.
  if (same && sensor === "hr") return values;
  const [min, max] = profiles[sensor].validRange;
  for (let i = 0; i < values.length; i++) {
    const value = convert(conversion, values[i]!);
    // The logarithm of nothing or less is no measurement either.
    const inside = value >= min && value <= max;
    values[i] = inside ? value : sensor === "hr" ? Math.min(Math.max(value, min), max) : Number.NaN;
  }
  return values;
}

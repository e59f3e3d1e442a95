import type { ImageStack, SensorName } from "../../core/place.ts";
import { pictureBands } from "../../embed/thumbnail.ts";

/** A picture of each date as one stack of a single date with the bands of both, for a thumbnail to carry. */
export function datesAsBands(sensor: SensorName, bands: readonly string[]) {
  const shown = pictureBands(sensor, bands);
  const names = ["before", "after"].flatMap((date) => shown.map((band) => `${date} ${band}`));
  return {
    bands: names,
    of({ data, shape: [dates, count, height, width], mask, bands: own }: ImageStack): ImageStack {
      const plane = height * width;
      const out = new Float32Array(names.length * plane);
      for (let date = 0; date < dates; date++) {
        for (const [i, band] of shown.entries()) {
          const from = (date * count + own.indexOf(band)) * plane;
          out.set(data.subarray(from, from + plane), (date * shown.length + i) * plane);
        }
      }
      // Where one date has no image, none is shown.
      const both = mask?.slice(0, plane).map((valid, p) => valid & mask[plane + p]!);
      return { data: out, shape: [1, names.length, height, width], bands: names, ...(both && { mask: both }) };
    },
  };
}

/** One date of what {@link datesAsBands} made. */
export function dateOf(stack: ImageStack, date: 0 | 1): ImageStack {
  const [, count, height, width] = stack.shape;
  const half = count / 2;
  const plane = height * width;
  const bands = stack.bands.slice(date * half, (date + 1) * half).map((name) => name.slice(name.indexOf(" ") + 1));
  return {
    ...stack,
    data: stack.data.subarray(date * half * plane, (date + 1) * half * plane),
    shape: [1, half, height, width],
    bands,
  };
}

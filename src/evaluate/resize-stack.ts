import type { ImageStack, SensorName } from "../core/place.ts";
import { axis, resamplePlane, taps } from "../imagery/scene/resample.ts";
import { profiles } from "../imagery/sensor/profiles.ts";

/**
 * The valid part of a stack, from its upper left corner to its last valid row and column, at `size` × `size` pixels:
 * bilinear, averaging where it shrinks. Pixels with mostly masked ones below them are masked and hold the band's mean.
 */
export function resizeStack(sensor: SensorName, stack: ImageStack, size: number): ImageStack {
  const [dates, bands, height, width] = stack.shape;
  const [rows, columns] = extent(stack);
  const along = (length: number, from: number) =>
    taps(axis({ step: from / size, origin: 0, length, reach: 1 }), 0, size);
  const [x, y] = [along(columns, columns), along(rows, rows)];
  const data = new Float32Array(dates * bands * size * size);
  const mask = new Uint8Array(dates * size * size).fill(1);
  const source = new Float32Array(y.count * x.count);
  for (let t = 0; t < dates; t++) {
    for (let b = 0; b < bands; b++) {
      for (let row = 0; row < y.count; row++) {
        for (let column = 0; column < x.count; column++) {
          const pixel = (row + y.first) * width + column + x.first;
          const valid = stack.mask === undefined || stack.mask[t * height * width + pixel] === 1;
          source[row * x.count + column] = valid ? stack.data[(t * bands + b) * height * width + pixel]! : Number.NaN;
        }
      }
      const plane = resamplePlane(source, x, y);
      const mean = meanOf(sensor, stack.bands[b]!);
      for (const [pixel, value] of plane.entries()) {
        if (Number.isNaN(value)) mask[t * size * size + pixel] = 0;
        data[(t * bands + b) * size * size + pixel] = Number.isNaN(value) ? mean : value;
      }
    }
  }
  return { ...stack, data, mask, shape: [dates, bands, size, size] };
}

/** Rows and columns up to the last valid ones of any date; all of them where nothing is valid. */
function extent({ mask, shape: [, , height, width] }: ImageStack): [rows: number, columns: number] {
  let [rows, columns] = [0, 0];
  for (const [i, valid] of mask?.entries() ?? []) {
    if (valid === 0) continue;
    rows = Math.max(rows, (Math.floor(i / width) % height) + 1);
    columns = Math.max(columns, (i % width) + 1);
  }
  return rows === 0 ? [height, width] : [rows, columns];
}

function meanOf(sensor: SensorName, band: string): number {
  const { bands, div } = profiles[sensor];
  return (bands.find(({ name }) => name === band)?.normalisation?.mean ?? 0) * div;
}

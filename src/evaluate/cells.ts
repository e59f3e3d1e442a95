import type { ImageStack, Place, SensorName } from "../core/place.ts";
import { sensorNames } from "../core/place.ts";

/** Pixels of each sensor along a side of a cell. */
export type CellSides = { readonly [sensor in SensorName]?: number };

/** Some cells of a place, from the upper left. */
export interface CellWindow {
  row: number;
  column: number;
  rows: number;
  columns: number;
}

/** A class for every pixel; 255: none. */
export interface PixelLabels {
  data: Uint8Array;
  height: number;
  width: number;
}

export const unlabelled = 255;

/**
 * The class that most of a cell's pixels have, if at least half of them have any.
 * @returns [rows, columns] of cells of `side` pixels; the last ones may be cut off by the edge
 */
export function cellLabels({ data, height, width }: PixelLabels, side: number): PixelLabels {
  const [rows, columns] = [Math.ceil(height / side), Math.ceil(width / side)];
  const labels = new Uint8Array(rows * columns);
  const counts = new Uint32Array(unlabelled + 1);
  for (let cell = 0; cell < labels.length; cell++) {
    counts.fill(0);
    const [top, left] = [Math.floor(cell / columns) * side, (cell % columns) * side];
    for (let y = top; y < Math.min(top + side, height); y++) {
      for (let x = left; x < Math.min(left + side, width); x++) counts[data[y * width + x]!]!++;
    }
    const total = counts.reduce((a, b) => a + b, 0);
    const without = counts[unlabelled]!;
    counts[unlabelled] = 0;
    labels[cell] = 2 * without > total ? unlabelled : counts.indexOf(Math.max(...counts));
  }
  return { data: labels, height: rows, width: columns };
}

/** Does every sensor of the place show at least half of the cell on some date? */
export function isSeen(place: Place, { row, column }: Pick<CellWindow, "row" | "column">, sides: CellSides): boolean {
  return sensorNames.every((sensor) => {
    const stack = place[sensor];
    if (stack === undefined) return true;
    return Array.from({ length: stack.shape[0] }, (_, t) => t).some((t) =>
      isValidAt(stack, t, { row, column }, sides[sensor]!),
    );
  });
}

/** Are at least half of a cell's pixels valid on a date? */
export function isValidAt(
  { mask, shape: [, , height, width] }: ImageStack,
  date: number,
  { row, column }: Pick<CellWindow, "row" | "column">,
  side: number,
): boolean {
  if (mask === undefined) return true;
  let [valid, total] = [0, 0];
  for (let y = row * side; y < Math.min((row + 1) * side, height); y++) {
    for (let x = column * side; x < Math.min((column + 1) * side, width); x++) {
      valid += mask[(date * height + y) * width + x]!;
      total++;
    }
  }
  return total > 0 && 2 * valid >= total;
}

/**
 * A part of a place.
 *
 * @param options.margin  So many pixels around are kept where there are some, but masked: they are what filters see
 *   beyond the edge, and nothing else.
 */
export function cutCells(
  place: Place,
  { row, column, rows, columns }: CellWindow,
  { sides, margin = 0 }: { sides: CellSides; margin?: number },
): Place {
  const out: Place = place.location === undefined ? {} : { location: place.location };
  for (const sensor of sensorNames) {
    const stack = place[sensor];
    if (stack === undefined) continue;
    const side = sides[sensor]!;
    const inner = { top: row * side, left: column * side, height: rows * side, width: columns * side };
    out[sensor] = cutStack(stack, inner, margin);
  }
  return out;
}

interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
}

function cutStack(stack: ImageStack, inner: Box, margin: number): ImageStack {
  const [dates, bands, height, width] = stack.shape;
  const [top, left] = [Math.max(0, inner.top - margin), Math.max(0, inner.left - margin)];
  const tall = Math.min(height, inner.top + inner.height + margin) - top;
  const wide = Math.min(width, inner.left + inner.width + margin) - left;
  const data = new Float32Array(dates * bands * tall * wide);
  for (let plane = 0; plane < dates * bands; plane++) {
    for (let y = 0; y < tall; y++) {
      const from = (plane * height + top + y) * width + left;
      data.set(stack.data.subarray(from, from + wide), (plane * tall + y) * wide);
    }
  }
  const cut: ImageStack = { ...stack, data, shape: [dates, bands, tall, wide] };
  if (stack.mask === undefined && margin === 0) return cut;
  const mask = new Uint8Array(dates * tall * wide);
  for (let t = 0; t < dates; t++) {
    for (let y = 0; y < tall; y++) {
      for (let x = 0; x < wide; x++) {
        const [row, column] = [top + y - inner.top, left + x - inner.left];
        if (row < 0 || column < 0 || row >= inner.height || column >= inner.width) continue;
        mask[(t * tall + y) * wide + x] = stack.mask?.[(t * height + top + y) * width + left + x] ?? 1;
      }
    }
  }
  return { ...cut, mask };
}

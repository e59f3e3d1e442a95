import type { Window } from "../../core/grid.ts";
import { type Layer, readRaw } from "./layer.ts";

type Readable = Pick<Layer, "raster" | "layout" | "emptiness">;

/** Windows of at most `side`² pixels, evenly spread; the whole raster where it is no larger than they are together. */
export function spreadWindows([width, height]: readonly [number, number], perAxis: number, side: number): Window[] {
  const starts = (length: number): [start: number, size: number][] => {
    if (length <= perAxis * side) return [[0, length]];
    const step = (length - side) / (perAxis - 1);
    return Array.from({ length: perAxis }, (_, i) => [Math.floor(i * step), side]);
  };
  return starts(height).flatMap(([row, h]) => starts(width).map(([col, w]): Window => [col, row, w, h]));
}

/**
 * Values of some bands at pixels spread over the raster, as they stand in the file; NaN: empty. A large raster is
 * sampled by small windows rather than decimated: without overviews a decimated read would read all of it.
 *
 * @returns one array a band, all of the same length
 */
export async function sampleRaw(
  layer: Readable,
  { bands, signal }: { bands: readonly number[]; signal?: AbortSignal },
): Promise<Float32Array[]> {
  const { width, height } = layer.raster.grid;
  let columns = await readWindows(layer, spreadWindows([width, height], 4, 64), { bands, signal });
  if (hasValue(columns)) return columns;
  // Nothing but nodata: a finer net, then everything, before anyone says that the file is empty.
  columns = await readWindows(layer, spreadWindows([width, height], 16, 32), { bands, signal });
  for (let row = 0; row < height && !hasValue(columns); row += 512) {
    for (let col = 0; col < width && !hasValue(columns); col += 2048) {
      const window: Window = [col, row, Math.min(2048, width - col), Math.min(512, height - row)];
      columns = await readWindows(layer, [window], { bands, signal });
    }
  }
  return columns;
}

async function readWindows(
  layer: Readable,
  windows: readonly Window[],
  { bands, signal }: { bands: readonly number[]; signal?: AbortSignal },
): Promise<Float32Array[]> {
  const parts: Float32Array[] = [];
  for (const window of windows) parts.push(await readRaw(layer, { window, bands, signal }));
  const total = windows.reduce((sum, [, , w, h]) => sum + w * h, 0);
  return bands.map((_, b) => {
    const column = new Float32Array(total);
    let at = 0;
    for (const [i, part] of parts.entries()) {
      const pixels = windows[i]![2] * windows[i]![3];
      column.set(part.subarray(b * pixels, (b + 1) * pixels), at);
      at += pixels;
    }
    return column;
  });
}

function hasValue(columns: readonly Float32Array[]): boolean {
  return columns.some((column) => column.some((value) => !Number.isNaN(value)));
}

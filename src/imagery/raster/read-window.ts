import { SkySenseError } from "../../core/error.ts";
import type { Window } from "../../core/grid.ts";
import type { RasterData, RasterType, RasterWindow, ReadOptions } from "../raster.ts";
import { tooLarge } from "./errors.ts";
import { newData, typeBytes } from "./unpack.ts";

/** Block (column, row) of plane `plane`. */
export interface BlockRef {
  column: number;
  row: number;
  plane: number;
}

/** One resolution of an image, cut into blocks. */
export interface BlockImage {
  width: number;
  height: number;
  blockWidth: number;
  blockHeight: number;
  /** Bands in one block: all of them, or one. Band b lies in plane floor(b / blockBands). */
  blockBands: number;
  /**
   * Hand each block to `use` as soon as it is decoded, in any order: [blockBands, rows, blockWidth], where the last
   * rows may be missing at the lower edge; undefined: the block is not stored, all its pixels are nodata.
   */
  load(
    refs: readonly BlockRef[],
    use: (ref: BlockRef, data: RasterData | undefined) => void,
    signal: AbortSignal | undefined,
  ): Promise<void>;
}

/** What a read needs to know of the whole raster. */
export interface ReadTarget {
  path: string;
  width: number;
  height: number;
  type: RasterType;
  /** Value of blocks that are not stored, per band. */
  fill: readonly (number | undefined)[];
  /** For messages: what the bands are called. */
  bandNames: readonly (string | undefined)[];
  /** Finest first; the first has the raster's own size. */
  levels: readonly BlockImage[];
}

const maxReadBytes = 2 ** 32;

/**
 * Read a window of an image in blocks. A smaller `size` takes the coarsest level that is still at least as fine, and
 * from it the nearest pixel, as GDAL does by default.
 *
 * @throws SkySenseError `WINDOW_OUTSIDE` | `UNKNOWN_BAND` | `RASTER_TOO_LARGE`, and what loading a block throws
 */
export async function readWindow(target: ReadTarget, options: ReadOptions = {}): Promise<RasterWindow> {
  const { path, type } = target;
  const window = checkWindow(target, options.window);
  const bands = checkBands(target, options.bands);
  const [width, height] = checkSize(path, options.size ?? [window[2], window[3]]);
  const bytes = bands.length * height * width * typeBytes[type];
  if (bytes > maxReadBytes) {
    throw tooLarge(path, `the read would take ${(bytes / 2 ** 30).toFixed(1)} GiB`, "Read it by smaller windows.");
  }
  options.signal?.throwIfAborted();
  const level = chooseLevel(target, [window[2] / width, window[3] / height]);
  const cols = samplePositions(window[0], window[2], width, level.width, target.width);
  const rows = samplePositions(window[1], window[3], height, level.height, target.height);
  const out = newData(type, bands.length * height * width);

  const colRuns = runs(cols, level.blockWidth);
  const rowRuns = runs(rows, level.blockHeight);
  const colOf = new Map(colRuns.map((run) => [run.block, run]));
  const rowOf = new Map(rowRuns.map((run) => [run.block, run]));
  const planes = [...new Set(bands.map((band) => Math.floor(band / level.blockBands)))];
  const refs = planes.flatMap((plane) =>
    rowRuns.flatMap(({ block: row }) => colRuns.map(({ block: column }) => ({ column, row, plane }))),
  );
  const contiguous = width === window[2] && level.width === target.width;

  function use({ column, row, plane }: BlockRef, data: RasterData | undefined): void {
    const colRun = colOf.get(column)!;
    const rowRun = rowOf.get(row)!;
    const stored = data && data.length / (level.blockBands * level.blockWidth);
    bands.forEach((band, b) => {
      if (Math.floor(band / level.blockBands) !== plane) return;
      for (let y = rowRun.start; y < rowRun.end; y++) {
        const to = (b * height + y) * width;
        if (data === undefined || stored === undefined) {
          out.fill(target.fill[band] ?? 0, to + colRun.start, to + colRun.end);
          continue;
        }
        const inBlock = (band % level.blockBands) * stored + rows[y]! - row * level.blockHeight;
        const from = inBlock * level.blockWidth - column * level.blockWidth;
        if (contiguous) {
          const first = from + cols[colRun.start]!;
          out.set(data.subarray(first, first + colRun.end - colRun.start), to + colRun.start);
        } else {
          for (let x = colRun.start; x < colRun.end; x++) out[to + x] = data[from + cols[x]!]!;
        }
      }
    });
  }

  await level.load(refs, use, options.signal);
  return { data: out, shape: [bands.length, height, width] };
}

/** The window, checked; default: the whole raster. @throws SkySenseError `WINDOW_OUTSIDE` */
export function checkWindow(target: { path: string; width: number; height: number }, window?: Window): Window {
  const { path, width, height } = target;
  if (window === undefined) return [0, 0, width, height];
  const [col, row, w, h] = window;
  const whole = window.length === 4 && window.every(Number.isInteger);
  if (!whole || col < 0 || row < 0 || w < 1 || h < 1 || col + w > width || row + h > height) {
    throw new SkySenseError({
      code: "WINDOW_OUTSIDE",
      what: `window [${window.join(", ")}] does not lie in the raster of ${width} × ${height} pixels`,
      where: path,
      remedy: "Give [col, row, width, height] in whole pixels inside it.",
    });
  }
  return window;
}

/** The band indices, checked; default: all. @throws SkySenseError `UNKNOWN_BAND` */
export function checkBands(
  { path, bandNames }: Pick<ReadTarget, "path" | "bandNames">,
  bands: readonly number[] | undefined,
): readonly number[] {
  if (bands === undefined) return bandNames.map((_, band) => band);
  for (const band of bands) {
    if (!Number.isInteger(band) || band < 0 || band >= bandNames.length) {
      const known = bandNames.map((name, i) => (name === undefined ? `${i}` : `${i} (${name})`));
      throw new SkySenseError({
        code: "UNKNOWN_BAND",
        what: `band index ${band} does not exist`,
        where: path,
        remedy: `Choose from ${known.slice(0, 20).join(", ")}${known.length > 20 ? ", …" : ""}.`,
      });
    }
  }
  return bands;
}

/** An output size, checked. @throws SkySenseError `WINDOW_OUTSIDE` */
export function checkSize(path: string, size: readonly [number, number]): readonly [number, number] {
  if (size.length !== 2 || !size.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new SkySenseError({
      code: "WINDOW_OUTSIDE",
      what: `output size [${size.join(", ")}] is not a width and height in pixels`,
      where: path,
      remedy: "Give [width, height], whole numbers of at least 1.",
    });
  }
  return size;
}

function chooseLevel({ levels, width, height }: ReadTarget, factor: readonly [number, number]): BlockImage {
  let best = levels[0]!;
  for (const level of levels) {
    // Half a pixel of slack: overview sizes are rounded.
    const fits = (width - 0.5) / level.width <= factor[0] && (height - 0.5) / level.height <= factor[1];
    if (fits && level.width <= best.width) best = level;
  }
  return best;
}

/** The pixel of the level under the centre of each output pixel. */
function samplePositions(start: number, span: number, count: number, levelSize: number, size: number): Int32Array {
  const out = new Int32Array(count);
  if (count === span && levelSize === size) {
    for (let i = 0; i < count; i++) out[i] = start + i;
    return out;
  }
  for (let i = 0; i < count; i++) {
    const position = (start + ((i + 0.5) * span) / count) * (levelSize / size);
    out[i] = Math.min(levelSize - 1, Math.floor(position + 1e-9));
  }
  return out;
}

/** Which outputs [start, end) come from which block. */
function runs(positions: Int32Array, blockSize: number): { block: number; start: number; end: number }[] {
  const out: { block: number; start: number; end: number }[] = [];
  for (let i = 0; i < positions.length; i++) {
    const block = Math.floor(positions[i]! / blockSize);
    const last = out.at(-1);
    if (last?.block === block) last.end = i + 1;
    else out.push({ block, start: i, end: i + 1 });
  }
  return out;
}

import { SkySenseError } from "../core/error.ts";
import { type Grid, pixelToWorld, type Window } from "../core/grid.ts";

/** An image that is to be cut, with the split that its folder names. */
export interface CutImage {
  /** The file. */
  image: string;
  grid: Grid;
  split: string | undefined;
}

/** A part of an image. */
export interface Tile {
  image: CutImage;
  window: Window;
  /** The block that all of it lies in; undefined: its image has a split. */
  block: string | undefined;
}

/** A strip of an image within one block that is narrower than this, in pixels, is left out. */
export const leastSide = 32;

/**
 * Cut images into tiles that lie in one block each. Blocks are squares of the ground, counted from the origin of the
 * CRS, so images of one CRS that overlap share them; a pixel is of the block that its centre lies in. Nothing straddles:
 * images are cut along the borders of blocks, then into equal parts. An image with a split of its own is only cut into
 * equal parts.
 *
 * @param options.block  Sides of a block in units of the CRS.
 * @param options.tile  Longest side of a tile, in pixels.
 * @throws SkySenseError `NOT_NORTH_UP`: rows and columns of an image do not run along the axes of its CRS
 */
export function cutIntoTiles(
  images: readonly CutImage[],
  { block, tile }: { block: readonly [x: number, y: number]; tile: number },
): Tile[] {
  return images.flatMap((image) => {
    const { grid, split } = image;
    const { width, height, transform, crs } = grid;
    if (transform[1] !== 0 || transform[3] !== 0) throw notNorthUp(image.image);
    if (split !== undefined) return tilesOf(image, { from: 0, to: width }, { from: 0, to: height }, tile, undefined);
    const columns = runsOf(width, (col) => Math.floor(pixelToWorld(transform, [col + 0.5, 0])[0] / block[0]));
    const rows = runsOf(height, (row) => Math.floor(pixelToWorld(transform, [0, row + 0.5])[1] / block[1]));
    const wide = columns.filter((run) => run.to - run.from >= Math.min(leastSide, width));
    const tall = rows.filter((run) => run.to - run.from >= Math.min(leastSide, height));
    return tall.flatMap((row) =>
      wide.flatMap((column) => tilesOf(image, column, row, tile, `${crs} ${column.value},${row.value}`)),
    );
  });
}

/** Positions `from` to before `to`. */
interface Run {
  from: number;
  to: number;
}

/** Neighbours with one value. */
function runsOf(length: number, valueAt: (i: number) => number): (Run & { value: number })[] {
  const runs: (Run & { value: number })[] = [];
  for (let i = 0; i < length; i++) {
    const value = valueAt(i);
    const last = runs.at(-1);
    if (last?.value === value) last.to = i + 1;
    else runs.push({ value, from: i, to: i + 1 });
  }
  return runs;
}

function tilesOf(image: CutImage, columns: Run, rows: Run, tile: number, block: string | undefined): Tile[] {
  return partsOf(rows, tile).flatMap(({ from: top, to: bottom }) =>
    partsOf(columns, tile).map(({ from: left, to: right }) => ({
      image,
      window: [left, top, right - left, bottom - top] as const,
      block,
    })),
  );
}

/** As few equal parts as are no longer than `most`. */
export function partsOf({ from, to }: Run, most: number): Run[] {
  const count = Math.ceil((to - from) / most);
  const at = (k: number) => from + Math.round((k * (to - from)) / count);
  return Array.from({ length: count }, (_, k) => ({ from: at(k), to: at(k + 1) }));
}

function notNorthUp(where: string): SkySenseError {
  return new SkySenseError({
    code: "NOT_NORTH_UP",
    what: "the image is turned against the axes of its CRS, so it cannot be cut along blocks",
    where,
    remedy: "Turn it by gdalwarp IN OUT.",
  });
}

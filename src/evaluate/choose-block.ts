import { SkySenseError } from "../core/error.ts";
import { gsdMetres, locationOf } from "../imagery/scene/crs.ts";
import { type Extent, meet } from "../imagery/vector/feature.ts";
import { type CutImage, leastSide, type Tile } from "./blocks.ts";

/** Neighbouring places resemble each other over kilometres; but a split needs some blocks to draw from. */
const sides = [10_000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10];
const enough = 20;

/**
 * The side of blocks where none is given, in metres: the largest of 10 km, 5 km, 2 km, … that leaves twenty blocks with
 * labels, but of at least 32 pixels.
 *
 * @param tilesOf  The tiles at such a side, with what lies in them.
 */
export function chooseBlock(
  images: readonly CutImage[],
  tilesOf: (metres: number) => readonly (Tile & { features: readonly unknown[] })[],
): number {
  const finest = leastSide * Math.max(...images.map(({ grid }) => gsdMetres(grid) ?? Math.abs(grid.transform[0])));
  const possible = sides.filter((side) => side >= finest);
  const blocks = (side: number) =>
    new Set(tilesOf(side).flatMap(({ block, features }) => (features.length > 0 ? [block] : []))).size;
  return possible.find((side) => blocks(side) >= enough) ?? possible.at(-1) ?? finest;
}

/**
 * Make one block of those that cover the same ground in different CRS, since blocks are counted in the CRS of their
 * image.
 *
 * @throws SkySenseError `UNKNOWN_CRS`: of several CRS one is not known well enough to see what overlaps
 */
export function joinOverlapping<T extends Tile>(tiles: readonly T[]): T[] {
  if (new Set(tiles.map(({ image }) => image.grid.crs)).size < 2) return [...tiles];
  const placed = tiles
    .filter(({ block }) => block !== undefined)
    .map((tile) => ({ tile, extent: onGlobe(tile) }))
    .sort((a, b) => a.extent[0] - b.extent[0]);
  const parent = new Map(placed.map(({ tile }) => [tile.block!, tile.block!]));
  const root = (block: string): string => (parent.get(block) === block ? block : root(parent.get(block)!));
  for (const [i, { tile, extent }] of placed.entries()) {
    for (let j = i + 1; j < placed.length && placed[j]!.extent[0] <= extent[2]; j++) {
      const other = placed[j]!;
      if (other.tile.image.grid.crs === tile.image.grid.crs || !meet(extent, other.extent)) continue;
      parent.set(root(other.tile.block!), root(tile.block!));
    }
  }
  return tiles.map((tile) => (tile.block === undefined ? tile : { ...tile, block: root(tile.block) }));
}

/** Longitudes and latitudes around a tile. */
function onGlobe({ image: { image, grid }, window: [left, top, width, height] }: Tile): Extent {
  const corners = [
    [left, top],
    [left + width, top],
    [left, top + height],
    [left + width, top + height],
  ].flatMap((corner) => locationOf(grid, corner as [number, number]) ?? []);
  if (corners.length < 4) {
    throw new SkySenseError({
      code: "UNKNOWN_CRS",
      what: `the images have several CRS, and where ${grid.crs} overlaps with the others is not known here`,
      where: image,
      remedy: "Bring all images into one CRS: gdalwarp -t_srs EPSG:n IN OUT.",
    });
  }
  const [xs, ys] = [corners.map(({ longitude }) => longitude), corners.map(({ latitude }) => latitude)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** How a set is divided into blocks, as a sentence; none where folders divide it. */
export function blockNotes(metres: number | undefined, tiles: readonly { block?: string | undefined }[]): string[] {
  if (metres === undefined) return [];
  const blocks = new Set(tiles.map(({ block }) => block)).size;
  const many = blocks === 1 ? "1 block" : `${blocks} blocks`;
  return [`${tiles.length} tiles in ${many} of ${metres} m; a block is learnt from or judged as a whole`];
}

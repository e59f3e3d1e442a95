import type { Random } from "../core/random.ts";
import type { Crop } from "../train/data/geometry.ts";

/** What a view shows of its place, and the grid of its cells. */
export interface View {
  crop: Crop;
  grid: readonly [rows: number, columns: number];
  /** [rows · columns]: 0 where a cell has no valid pixel; default: all are valid. */
  valid?: ArrayLike<number> | undefined;
}

/** Fewer pairs say too little of a place (as dense contrasts need an overlap: Xie et al. 2021, arXiv:2011.10043). */
export const fewestPairs = 4;

/**
 * Cells of view `a` and what view `b` shows of the same ground, by bilinear interpolation between the centres of its
 * cells.
 *
 * A cell of `a` qualifies if its centre lies inside of `b` and all cells on both sides are valid. Up to `pairs` of
 * them are drawn, without repetition; if there are fewer, they are repeated with weight 0, so that clusters of rows
 * contain only ground that both views see.
 *
 * @returns `a` [pairs, cells of a], one 1 in each row; `b` [pairs, cells of b], rows that sum to 1; `weight` [pairs]:
 *   1, or 0 for rows that repeat, and for all where there are fewer than four pairs. Rows are zero where there are none.
 */
export function correspondence(
  a: View,
  b: View,
  { pairs, random }: { pairs: number; random: Random },
): { a: Float32Array; b: Float32Array; weight: Float32Array } {
  const [cellsA, cellsB] = [a, b].map(({ grid: [rows, columns] }) => rows * columns) as [number, number];
  const result = {
    a: new Float32Array(pairs * cellsA),
    b: new Float32Array(pairs * cellsB),
    weight: new Float32Array(pairs),
  };
  const found = random.shuffle(sharedCells(a, b)).slice(0, pairs);
  if (found.length === 0) return result;
  for (let row = 0; row < pairs; row++) {
    const { cell, taps } = found[row % found.length]!;
    result.a[row * cellsA + cell] = 1;
    for (const [other, share] of taps) result.b[row * cellsB + other]! += share;
    result.weight[row] = row < found.length && found.length >= fewestPairs ? 1 : 0;
  }
  return result;
}

type Taps = (readonly [cell: number, share: number])[];

function sharedCells(a: View, b: View): { cell: number; taps: Taps }[] {
  const [rows, columns] = a.grid;
  const found: { cell: number; taps: Taps }[] = [];
  for (let cell = 0; cell < rows * columns; cell++) {
    if (a.valid?.[cell] === 0) continue;
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const at = inView(b.crop, onGround(a.crop, [(row + 0.5) / rows, (column + 0.5) / columns]));
    if (at.some((share) => share < 0 || share > 1)) continue;
    const taps = bilinear(at, b.grid);
    if (taps.every(([other]) => b.valid?.[other] !== 0)) found.push({ cell, taps });
  }
  return found;
}

/** The cells of a grid around a point given in shares of its sides; beyond the outermost centres, the outermost. */
function bilinear(at: readonly [number, number], grid: readonly [number, number]): Taps {
  const axes = at.map((share, axis) => {
    const last = grid[axis]! - 1;
    const position = Math.min(Math.max(share * grid[axis]! - 0.5, 0), last);
    const first = Math.floor(position);
    return [
      [first, 1 - (position - first)],
      [Math.min(first + 1, last), position - first],
    ] as const;
  });
  const [down, across] = axes as [(typeof axes)[number], (typeof axes)[number]];
  const taps = down.flatMap(([row, y]) => across.map(([column, x]) => [row * grid[1] + column, y * x] as const));
  return taps.filter(([, share]) => share > 0);
}

/** A point of a view, in shares of its height and width, as [row, column] of the place. */
function onGround(crop: Crop, at: readonly [number, number]): [number, number] {
  const turned = at.map((share, axis) => (isReversed(crop, axis) ? 1 - share : share)) as [number, number];
  const [down, across] = crop.transpose ? (turned.reverse() as [number, number]) : turned;
  return [crop.top + down * crop.height, crop.left + across * crop.width];
}

/** Its inverse. */
function inView(crop: Crop, [row, column]: readonly [number, number]): [number, number] {
  const shares: [number, number] = [(row - crop.top) / crop.height, (column - crop.left) / crop.width];
  const [down, across] = crop.transpose ? (shares.reverse() as [number, number]) : shares;
  return [isReversed(crop, 0) ? 1 - down : down, isReversed(crop, 1) ? 1 - across : across];
}

/** Rows and columns of the view run backwards after the transposition: `cropPlanes` in train/data/geometry.ts. */
const isReversed = (crop: Crop, axis: number) => (axis === 0 ? crop.flipRows : crop.flipColumns);

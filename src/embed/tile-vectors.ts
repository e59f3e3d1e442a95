import type { Window } from "../core/grid.ts";

/** One tile's mean feature. */
export interface TileVector {
  /** In cells. */
  window: Window;
  /** [channels]; the mean over valid cells. */
  vector: Float32Array;
  /** Share of valid cells, above 0. */
  valid: number;
}

/**
 * Means of a feature map over tiles of `side` cells that do not overlap; the last of a row or column may be smaller.
 * Rows are pushed from the north on; tiles without any valid cell are left out.
 */
export function tileMeans({
  width,
  height,
  channels,
  side,
}: {
  width: number;
  height: number;
  channels: number;
  side: number;
}) {
  const across = Math.ceil(width / side);
  let sums = new Float64Array(across * channels);
  let counts = new Uint32Array(across);
  const finish = (tileRow: number): TileVector[] => {
    const tiles: TileVector[] = [];
    const tall = Math.min(side, height - tileRow * side);
    for (let k = 0; k < across; k++) {
      const wide = Math.min(side, width - k * side);
      const count = counts[k]!;
      if (count === 0) continue;
      const vector = Float32Array.from(sums.subarray(k * channels, (k + 1) * channels), (sum) => sum / count);
      tiles.push({ window: [k * side, tileRow * side, wide, tall], vector, valid: count / (wide * tall) });
    }
    sums = new Float64Array(across * channels);
    counts = new Uint32Array(across);
    return tiles;
  };
  return {
    /** Add one row of cells [width, channels]; returns the tiles that it completes. */
    push(row: number, data: Float32Array): TileVector[] {
      for (let column = 0; column < width; column++) {
        const at = column * channels;
        if (Number.isNaN(data[at])) continue;
        const k = Math.floor(column / side);
        counts[k]!++;
        for (let c = 0; c < channels; c++) sums[k * channels + c]! += data[at + c]!;
      }
      return (row + 1) % side === 0 || row + 1 === height ? finish(Math.floor(row / side)) : [];
    },
  };
}

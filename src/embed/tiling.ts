import type { Window } from "../core/grid.ts";

/** How a scene is cut into windows. All in cells. */
export interface TilingOptions {
  width: number;
  height: number;
  /** Side of a window; a scene that is smaller along an axis is taken whole along it. */
  window: number;
  /** Cells that neighbouring windows share, less than half of the window. */
  overlap: number;
}

/** Windows of one axis and the weight of each of their cells, which add up to one at every cell of the axis. */
export interface AxisTiling {
  starts: readonly number[];
  size: number;
  /** [windows, size] */
  weights: Float32Array;
}

/**
 * Windows along one axis: one every `window − overlap` cells, the last moved back to end with the axis.
 *
 * Where windows overlap, the weight falls linearly towards a window's end, and is then divided by the sum, so that
 * weights add up to one at every cell whatever the overlaps. At the ends of the axis only one window counts.
 */
export function tileAxis(length: number, { window, overlap }: { window: number; overlap: number }): AxisTiling {
  const size = Math.min(window, length);
  const stride = window - overlap;
  const starts: number[] = [];
  for (let start = 0; start + size < length; start += stride) starts.push(start);
  starts.push(length - size);

  const taper = (i: number) => Math.min(1, (i + 0.5) / (overlap + 0.5), (size - i - 0.5) / (overlap + 0.5));
  const sums = new Float64Array(length);
  for (const start of starts) for (let i = 0; i < size; i++) sums[start + i]! += taper(i);
  const weights = new Float32Array(starts.length * size);
  for (const [k, start] of starts.entries()) {
    for (let i = 0; i < size; i++) weights[k * size + i] = taper(i) / sums[start + i]!;
  }
  return { starts, size, weights };
}

/** Both axes. Windows come row by row. */
export interface Tiling {
  columns: AxisTiling;
  rows: AxisTiling;
}

export function tileScene({ width, height, window, overlap }: TilingOptions): Tiling {
  return { columns: tileAxis(width, { window, overlap }), rows: tileAxis(height, { window, overlap }) };
}

/** Windows of one row of windows, west to east. */
export function rowWindows({ columns, rows }: Tiling, row: number): Window[] {
  return columns.starts.map((column) => [column, rows.starts[row]!, columns.size, rows.size]);
}

/** Rows of cells that no later row of windows touches once `row` is done: [first, end). */
export function finishedRows({ rows }: Tiling, row: number): [first: number, end: number] {
  const next = rows.starts[row + 1];
  return [rows.starts[row]!, next ?? rows.starts[row]! + rows.size];
}

/**
 * Blends windows of features into rows of cells. It holds one row of windows, however tall the scene.
 */
export interface Blender {
  /** Add the features [cells, channels] of a window; NaN where a cell is not valid. */
  add(row: number, column: number, features: Float32Array): void;
  /** Take the rows that are finished after a row of windows, [rows · width, channels], and go on to the next. */
  take(row: number): Float32Array;
  /** Sums of rows that are not finished, to go on from later. */
  pending(): Float32Array;
}

/** @param options.pending  What {@link Blender.pending} gave after the row before the one to start with. */
export function createBlender(
  tiling: Tiling,
  { width, channels, pending }: { width: number; channels: number; pending?: Float32Array },
): Blender {
  const { columns, rows } = tiling;
  const line = width * channels;
  // Sums of the cells of the current row of windows, from its first row on.
  const sums = pending ?? new Float32Array(rows.size * line);
  return {
    add(row, column, features) {
      for (let r = 0; r < rows.size; r++) {
        const rowWeight = rows.weights[row * rows.size + r]!;
        for (let c = 0; c < columns.size; c++) {
          const weight = rowWeight * columns.weights[column * columns.size + c]!;
          const from = (r * columns.size + c) * channels;
          const to = r * line + (columns.starts[column]! + c) * channels;
          for (let k = 0; k < channels; k++) sums[to + k]! += weight * features[from + k]!;
        }
      }
    },
    take(row) {
      const [first, end] = finishedRows(tiling, row);
      const done = sums.slice(0, (end - first) * line);
      sums.copyWithin(0, (end - first) * line);
      sums.fill(0, (rows.size - (end - first)) * line);
      return done;
    },
    pending: () => sums.slice(),
  };
}

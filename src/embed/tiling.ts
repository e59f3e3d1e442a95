import type { Window } from "../core/grid.ts";

/** How a scene is cut into windows. All in cells. */
export interface TilingOptions extends AxisOptions {
  width: number;
  height: number;
}

interface AxisOptions {
  /** Side of a window; a scene that is smaller along an axis is taken whole along it. */
  window: number;
  /** Cells that neighbouring windows share, less than the window. */
  overlap: number;
  /** Windows start at multiples of it. It divides `window − overlap`. */
  period?: number;
  /** Where windows overlap, a cell counts with this power of its distance from the window's end. */
  falloff?: number;
}

/** Windows of one axis and the weight of each of their cells, which add up to one at every cell of the axis. */
export interface AxisTiling {
  starts: readonly number[];
  /** Cells of each window; the last may have fewer. */
  sizes: readonly number[];
  /** One array a window. */
  weights: readonly Float32Array[];
}

/**
 * Windows along one axis: one every `window − overlap` cells. The last is moved back to end with the axis, or at most
 * `period − 1` cells beyond it, where it is cut.
 *
 * Where windows overlap, weights fall towards a window's end and are divided by their sum, so that they add up to one
 * at every cell whatever the overlaps. At the ends of the axis only one window counts.
 */
export function tileAxis(length: number, { window, overlap, period = 1, falloff = 1 }: AxisOptions): AxisTiling {
  const size = Math.min(window, length);
  const starts: number[] = [];
  for (let start = 0; start + size < length; start += window - overlap) starts.push(start);
  const last = Math.ceil((length - size) / period) * period;
  if (starts.at(-1) !== last) starts.push(last);
  const sizes = starts.map((start) => Math.min(size, length - start));

  const sums = new Float64Array(length);
  const raw = starts.map((start, k) =>
    Float64Array.from({ length: sizes[k]! }, (_, i) => {
      const before = start === 0 ? Infinity : i + 0.5;
      const after = start + sizes[k]! === length ? Infinity : sizes[k]! - i - 0.5;
      const weight = Math.min(1, before / overlap, after / overlap) ** falloff;
      sums[start + i]! += weight;
      return weight;
    }),
  );
  const weights = raw.map((row, k) => Float32Array.from(row, (weight, i) => weight / sums[starts[k]! + i]!));
  return { starts, sizes, weights };
}

/** Both axes. Windows come row by row. */
export interface Tiling {
  columns: AxisTiling;
  rows: AxisTiling;
}

export function tileScene({ width, height, ...options }: TilingOptions): Tiling {
  return { columns: tileAxis(width, options), rows: tileAxis(height, options) };
}

/** Windows of one row of windows, west to east. */
export function rowWindows({ columns, rows }: Tiling, row: number): Window[] {
  return columns.starts.map((start, column) => [start, rows.starts[row]!, columns.sizes[column]!, rows.sizes[row]!]);
}

/** Rows of cells that no later row of windows touches once `row` is done: [first, end). */
export function finishedRows({ rows }: Tiling, row: number): [first: number, end: number] {
  const next = rows.starts[row + 1];
  return [rows.starts[row]!, next ?? rows.starts[row]! + rows.sizes[row]!];
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
  const sums = pending ?? new Float32Array(rows.sizes[0]! * line);
  return {
    add(row, column, features) {
      const [tall, wide] = [rows.sizes[row]!, columns.sizes[column]!];
      for (let r = 0; r < tall; r++) {
        for (let c = 0; c < wide; c++) {
          const weight = rows.weights[row]![r]! * columns.weights[column]![c]!;
          const from = (r * wide + c) * channels;
          const to = r * line + (columns.starts[column]! + c) * channels;
          for (let k = 0; k < channels; k++) sums[to + k]! += weight * features[from + k]!;
        }
      }
    },
    take(row) {
      const [first, end] = finishedRows(tiling, row);
      const done = sums.slice(0, (end - first) * line);
      sums.copyWithin(0, (end - first) * line);
      sums.fill(0, sums.length - (end - first) * line);
      return done;
    },
    pending: () => sums.slice(),
  };
}

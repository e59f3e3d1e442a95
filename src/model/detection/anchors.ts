import type { Boxes } from "./boxes.ts";

/** Boxes that a detector starts from, around every cell of every level (specification §6.1). */
export interface AnchorConfig {
  /** Pixels of a cell on each level, the finest first. */
  strides: readonly number[];
  /** Side of an anchor of ratio 1, in cells. */
  scales: readonly number[];
  /** Height over width. */
  ratios: readonly number[];
}

/** Anchors of the cell at the origin, ratio by ratio: w = stride·scale/√ratio, h = stride·scale·√ratio. */
export function baseAnchors({ stride, scales, ratios }: { stride: number } & Omit<AnchorConfig, "strides">): Boxes {
  const boxes = ratios.flatMap((ratio) =>
    scales.flatMap((scale) => {
      const root = Math.fround(Math.sqrt(ratio));
      const w = Math.fround(stride * Math.fround(1 / root)) * scale;
      const h = Math.fround(stride * root) * scale;
      return [-w / 2, -h / 2, w / 2, h / 2];
    }),
  );
  return Float32Array.from(boxes);
}

/** The base anchors moved to every cell, in the order (row, column, anchor). */
export function anchorGrid(
  base: Boxes,
  { stride, rows, columns }: { stride: number; rows: number; columns: number },
): Boxes {
  const grid = new Float32Array(rows * columns * base.length);
  let k = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      for (let i = 0; i < base.length; i++) grid[k++] = base[i]! + (i % 2 === 0 ? x : y) * stride;
    }
  }
  return grid;
}

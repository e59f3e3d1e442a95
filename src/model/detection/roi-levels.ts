import type { Boxes } from "./boxes.ts";

/** Side in pixels, from which on a box belongs to the second level. */
const finestSide = 56;

/** Level of the pyramid whose cells fit each box: see {@link levelOfSides}. */
export function roiLevels(boxes: Boxes, levels: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: boxes.length / 4 }, (_, i) => {
    const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    return levelOfSides([x2 - x1, y2 - y1], levels);
  });
}

/** clamp(⌊log₂(√(w·h)/56 + 10⁻⁶)⌋, 0, levels − 1), rounded to float32 after each step as PyTorch does. */
export function levelOfSides([width, height]: readonly [number, number], levels: number): number {
  const side = Math.sqrt(Math.fround(Math.fround(width) * Math.fround(height)));
  const level = Math.floor(Math.fround(Math.log2(Math.fround(Math.fround(side) / finestSide + 1e-6))));
  return Math.min(Math.max(level, 0), levels - 1);
}

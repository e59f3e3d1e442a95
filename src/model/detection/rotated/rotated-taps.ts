import { concat } from "../../../graph/ops/concat.ts";
import { gather } from "../../../graph/ops/gather.ts";
import { mul } from "../../../graph/ops/mul.ts";
import { sum } from "../../../graph/ops/reduce.ts";
import { reshape } from "../../../graph/ops/reshape.ts";
import { transpose } from "../../../graph/ops/transpose.ts";
import { sizeOf } from "../../../graph/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import type { RotatedBoxes } from "./rotated-boxes.ts";

/** Maps of a pyramid: pixels of a cell, and size in cells; the finest first. */
export type PyramidSizes = readonly { stride: number; rows: number; columns: number }[];

/** Cells that a bin's mean is made of: four around each of 2 × 2 samples. */
export const tapsPerBin = 16;

/** Which cells of the joined maps make each bin, and how much each counts. */
export interface Taps {
  /** [n·size², tapsPerBin] */
  cells: BigInt64Array<ArrayBuffer>;
  weights: Float32Array<ArrayBuffer>;
}

/**
 * Rotated RoIAlign with 2 × 2 samples a bin (specification §6.3; see `rotatedRoiAlign`) as a weighted sum of cells, which
 * {@link poolTaps} does in the graph. Each box is taken from its own level.
 *
 * @param options.levels  Of each box.
 * @param options.first  Position of the image's first cell among the joined cells of all images.
 */
export function rotatedTaps(
  boxes: RotatedBoxes,
  { levels, maps, size, first = 0 }: { levels: Int32Array; maps: PyramidSizes; size: number; first?: number },
): Taps {
  const n = levels.length;
  const cells = new BigInt64Array(n * size * size * tapsPerBin);
  const weights = new Float32Array(cells.length);
  const starts = maps.map((_, i) => maps.slice(0, i).reduce((total, map) => total + map.rows * map.columns, first));
  let at = 0;
  for (let i = 0; i < n; i++) {
    const { stride, rows, columns } = maps[levels[i]!]!;
    const start = starts[levels[i]!]!;
    const [cx, cy, w, h, angle] = Array.from(boxes.subarray(5 * i, 5 * i + 5)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    for (let sample = 0; sample < size * size * 4; sample++) {
      const [bin, part] = [sample >> 2, sample & 3];
      // From the box's centre along its own axes, in cells.
      const u = ((((bin % size) + ((part & 1) + 0.5) / 2) / size - 0.5) * w) / stride;
      const v = (((Math.floor(bin / size) + ((part >> 1) + 0.5) / 2) / size - 0.5) * h) / stride;
      const x = cx / stride - 0.5 + u * cos - v * sin;
      const y = cy / stride - 0.5 + u * sin + v * cos;
      const outside = y < -1 || y > rows || x < -1 || x > columns;
      const [inX, inY] = [Math.min(Math.max(x, 0), columns - 1), Math.min(Math.max(y, 0), rows - 1)];
      const [left, top] = [Math.floor(inX), Math.floor(inY)];
      for (let tap = 0; tap < 4; tap++, at++) {
        const [dx, dy] = [tap & 1, tap >> 1];
        const share = (dx === 1 ? inX - left : 1 - inX + left) * (dy === 1 ? inY - top : 1 - inY + top);
        cells[at] = BigInt(start + Math.min(top + dy, rows - 1) * columns + Math.min(left + dx, columns - 1));
        weights[at] = outside ? 0 : share / 4;
      }
    }
  }
  return { cells, weights };
}

/**
 * Features of regions as weighted sums of cells; maps and weights have gradients.
 *
 * @param maps  [batch, C, h, w] of each level; all cells of an image, level by level, come before those of the next.
 * @param taps  `cells` int64 [n·size², tapsPerBin] and `weights` of that shape.
 * @returns [n, C, size, size].
 */
export function poolTaps(
  maps: readonly Tensor[],
  { cells, weights }: { cells: Tensor; weights: Tensor },
  { n, size }: { n: Tensor["shape"][number]; size: number },
): Tensor {
  const [batch, channels] = maps[0]!.shape as [Tensor["shape"][number], number];
  const flat = maps.map((map) => {
    const [, , h, w] = map.shape as [unknown, number, number, number];
    return reshape(transpose(map, [0, 2, 3, 1]), [batch, h * w, channels]);
  });
  const joined = concat(flat, { axis: 1 });
  const table = reshape(joined, [sizeOf([batch, joined.shape[1]!]), channels]);
  const taken = gather(table, cells, { axis: 0 });
  const bins = sum(mul(taken, reshape(weights, [...weights.shape, 1])), { axes: [1] });
  const pooled = reshape(bins, [n, size * size, channels]);
  return reshape(transpose(pooled, [0, 2, 1]), [n, channels, size, size]);
}

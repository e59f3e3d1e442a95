import type { RotatedBoxes } from "./rotated-boxes.ts";

/** One image's map in memory: `data` [channels, height, width]. */
export interface FeatureMap {
  data: Float32Array;
  channels: number;
  height: number;
  width: number;
}

/**
 * Mean of bilinear samples in each bin of oriented boxes on a map (mmcv's `RoIAlignRotated`, aligned and clockwise,
 * specification §6.3). With the angle 0 it is RoIAlign.
 *
 * @param boxes  [n, 5] in pixels.
 * @param options.scale  Cells per pixel.
 * @param options.samples  Samples of each axis in a bin; 0: as many as the bin has cells, rounded up.
 * @returns [n, channels, size, size].
 */
export function rotatedRoiAlign(
  map: FeatureMap,
  boxes: RotatedBoxes,
  { size, scale, samples }: { size: number; scale: number; samples: number },
): Float32Array<ArrayBuffer> {
  const n = boxes.length / 5;
  const out = new Float32Array(n * map.channels * size * size);
  for (let i = 0; i < n; i++) {
    const [cx, cy, w, h, angle] = boxes.subarray(5 * i, 5 * i + 5) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const [binWidth, binHeight] = [(w * scale) / size, (h * scale) / size];
    const columns = samples > 0 ? samples : Math.ceil(binWidth);
    const rows = samples > 0 ? samples : Math.ceil(binHeight);
    const share = 1 / Math.max(rows * columns, 1);
    for (let bin = 0; bin < size * size; bin++) {
      const [row, column] = [Math.floor(bin / size), bin % size];
      for (let s = 0; s < rows * columns; s++) {
        // From the box's centre along its own axes.
        const u = (column + ((s % columns) + 0.5) / columns - size / 2) * binWidth;
        const v = (row + (Math.floor(s / columns) + 0.5) / rows - size / 2) * binHeight;
        const x = cx * scale - 0.5 + u * cos - v * sin;
        const y = cy * scale - 0.5 + u * sin + v * cos;
        addSample(map, { x, y, share }, { out, from: i * map.channels * size * size + bin, step: size * size });
      }
    }
  }
  return out;
}

/** Add the map's value between four cells to every channel of a bin; beyond one cell outside of the map it is zero. */
function addSample(
  { data, channels, height, width }: FeatureMap,
  { x, y, share }: { x: number; y: number; share: number },
  { out, from, step }: { out: Float32Array; from: number; step: number },
): void {
  if (y < -1 || y > height || x < -1 || x > width) return;
  const [inY, inX] = [Math.min(Math.max(y, 0), height - 1), Math.min(Math.max(x, 0), width - 1)];
  const [top, left] = [Math.floor(inY), Math.floor(inX)];
  const [bottom, right] = [Math.min(top + 1, height - 1), Math.min(left + 1, width - 1)];
  const [dy, dx] = [inY - top, inX - left];
  for (let c = 0; c < channels; c++) {
    const at = (row: number, column: number) => data[(c * height + row) * width + column]!;
    const upper = at(top, left) * (1 - dx) + at(top, right) * dx;
    const lower = at(bottom, left) * (1 - dx) + at(bottom, right) * dx;
    out[from + c * step]! += share * (upper * (1 - dy) + lower * dy);
  }
}

import type { Random } from "../../core/random.ts";
import { bilinearTaps, nearestTaps, resamplePlane, type Samples } from "./resample.ts";

/** A part of a place and how it is turned, in pixels of the coarsest sensor: the same for all sensors and dates. */
export interface Crop {
  top: number;
  left: number;
  height: number;
  width: number;
  /** First rows and columns change places, then rows or columns run backwards: the eight ways to lay a square. */
  transpose: boolean;
  flipRows: boolean;
  flipColumns: boolean;
}

export interface CropOptions {
  /** Share of the place's area, [min, max] ≤ 1, drawn uniformly. */
  area: readonly [min: number, max: number];
  /** Width divided by height, [min, max], drawn uniformly in its logarithm. Default 3/4 to 4/3. */
  aspect?: readonly [min: number, max: number];
}

/**
 * Draw a random resized crop (Szegedy et al. 2015, arXiv:1409.4842, as torchvision's `RandomResizedCrop`): ten tries,
 * then the largest crop in the middle whose aspect is allowed.
 *
 * @returns whole pixels of a grid of [height, width]
 */
export function chooseCrop(
  random: Random,
  [height, width]: readonly [height: number, width: number],
  { area, aspect = [3 / 4, 4 / 3] }: CropOptions,
): Pick<Crop, "top" | "left" | "height" | "width"> {
  const [low, high] = [Math.log(aspect[0]), Math.log(aspect[1])];
  for (let attempt = 0; attempt < 10; attempt++) {
    const wanted = height * width * (area[0] + random.uniform() * (area[1] - area[0]));
    const ratio = Math.exp(low + random.uniform() * (high - low));
    const w = Math.round(Math.sqrt(wanted * ratio));
    const h = Math.round(Math.sqrt(wanted / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return { top: random.integer(height - h + 1), left: random.integer(width - w + 1), height: h, width: w };
  }
  return middle([height, width], aspect);
}

/** The largest part in the middle with an aspect in the range: [1, 1] gives the square that evaluation looks at. */
export function middle(
  [height, width]: readonly [height: number, width: number],
  aspect: readonly [min: number, max: number] = [1, 1],
): Pick<Crop, "top" | "left" | "height" | "width"> {
  const w = Math.min(width, Math.max(1, Math.round(height * aspect[1])));
  const h = Math.min(height, Math.max(1, Math.round(width / aspect[0])));
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/** Draw how a square is laid: mirrored, turned by quarters, or both; each way as likely as the others. */
export function chooseOrientation(
  random: Random,
  { flips, rotations }: { flips: boolean; rotations: boolean },
): Pick<Crop, "transpose" | "flipRows" | "flipColumns"> {
  const way = random.integer(8);
  const bits = [(way & 1) === 1, (way & 2) === 2, (way & 4) === 4] as const;
  if (flips) return { transpose: rotations && bits[0], flipRows: bits[1], flipColumns: bits[2] };
  // Quarter turns alone: an even number of reflections.
  const [transpose, flipRows] = bits;
  return rotations
    ? { transpose, flipRows, flipColumns: transpose !== flipRows }
    : { transpose: false, flipRows: false, flipColumns: false };
}

/** Images of one sensor: [images, height, width], `perUnit`² pixels for one pixel of the coarsest sensor. */
export interface Planes<Data> {
  data: Data;
  count: number;
  height: number;
  width: number;
  perUnit: number;
}

/**
 * Cut, turn and resample planes to squares of `size`.
 * @param options.out  [count, size, size], gets the result times `scale`
 */
export function cropPlanes(
  { data, count, height, width, perUnit }: Planes<Samples>,
  crop: Crop,
  { size, antialias, out, scale = 1 }: { size: number; antialias: boolean; out: Float32Array; scale?: number },
): void {
  const { vertical, horizontal } = stretches(crop, perUnit);
  const rows = bilinearTaps(vertical, size, { antialias, reverse: vertical.reverse });
  const columns = bilinearTaps(horizontal, size, { antialias, reverse: horizontal.reverse });
  for (let plane = 0; plane < count; plane++) {
    const source = { offset: plane * height * width, width, rows, columns };
    resamplePlane(data, source, { out, at: plane * size * size, transpose: crop.transpose, scale });
  }
}

/** Cut, turn and resample masks [count, height, width] by the nearest pixel. @returns [count, size, size] */
export function cropMasks(
  { data, count, height, width, perUnit }: Planes<Uint8Array>,
  crop: Crop,
  { size }: { size: number },
): Uint8Array<ArrayBuffer> {
  const { vertical, horizontal } = stretches(crop, perUnit);
  const rows = nearestTaps(vertical, size, vertical);
  const columns = nearestTaps(horizontal, size, horizontal);
  const out = new Uint8Array(count * size * size);
  for (let plane = 0; plane < count; plane++) {
    for (let i = 0; i < size; i++) {
      const from = (plane * height + rows[i]!) * width;
      for (let j = 0; j < size; j++) {
        const at = crop.transpose ? j * size + i : i * size + j;
        out[plane * size * size + at] = data[from + columns[j]!]!;
      }
    }
  }
  return out;
}

/** The rows and columns of the source. After a transposition it is the columns of the result that they become. */
function stretches({ top, left, height, width, transpose, flipRows, flipColumns }: Crop, perUnit: number) {
  return {
    vertical: { start: top * perUnit, length: height * perUnit, reverse: transpose ? flipColumns : flipRows },
    horizontal: { start: left * perUnit, length: width * perUnit, reverse: transpose ? flipRows : flipColumns },
  };
}

import type { ImageStack, SensorName } from "../core/place.ts";

/** A picture beside features needs about this many pixels along its longer side. */
const wantedPixels = 1000;
/** Dates that a composite is made from, evenly spread. */
const compositeDates = 15;
/**
 * Which of a pixel's values in those dates shows: the middle one, but of Sentinel-2 a dark one. Clouds are bright and
 * cover more than half of the dates in many places, their shadows fewer.
 */
const compositeShare = { hr: 0.5, s2: 0.2, s1: 0.5 };

/** A small copy of a scene's images, put together from windows as they pass. */
export interface Thumbnail {
  /** [1, bands, height, width]; masked where no valid pixel came. */
  stack: ImageStack & { mask: Uint8Array };
  /**
   * What the images of a window show of it, as numbers that {@link put} takes, maybe in another process.
   * @param corner  The window's upper-left pixel.
   */
  part(corner: readonly [col: number, row: number], images: ImageStack): Float32Array;
  /** Put a part in its place; more may follow it in the array. @returns how many numbers the part has */
  put(part: Float32Array): number;
}

/**
 * @param options.width, options.height  Of all images, in pixels.
 * @param options.bands  To keep; three are enough for a picture.
 */
export function createThumbnail(options: {
  sensor: SensorName;
  width: number;
  height: number;
  bands: readonly string[];
}): Thumbnail {
  const { sensor, width, height, bands } = options;
  const side = Math.ceil(Math.max(width, height) / wantedPixels);
  const [tall, wide] = [Math.ceil(height / side), Math.ceil(width / side)];
  const data = new Float32Array(bands.length * tall * wide);
  const mask = new Uint8Array(tall * wide);
  return {
    stack: { data, shape: [1, bands.length, tall, wide], bands, mask },
    part([left, top], images) {
      const [count, , h, w] = images.shape;
      const dates = evenly(count, compositeDates);
      const known = new Float32Array(dates.length);
      // A block belongs to the window that holds its first pixel; of a block cut by the window's edge a part is used.
      const [y0, x0] = [Math.ceil(top / side), Math.ceil(left / side)];
      const rows = Math.max(0, Math.ceil(Math.min(tall, (top + h) / side)) - y0);
      const columns = Math.max(0, Math.ceil(Math.min(wide, (left + w) / side)) - x0);
      const part = new Float32Array(4 + bands.length * rows * columns).fill(Number.NaN);
      part.set([x0, y0, columns, rows]);
      for (const [b, name] of bands.entries()) {
        const band = images.bands.indexOf(name);
        for (let i = 0; i < rows * columns; i++) {
          const [y, x] = [y0 + Math.floor(i / columns), x0 + (i % columns)];
          const block = { band, row: y * side - top, col: x * side - left, side };
          let found = 0;
          for (const date of dates) {
            const value = blockMean(images, date, block);
            if (!Number.isNaN(value)) known[found++] = value;
          }
          if (found > 0)
            part[4 + b * rows * columns + i] = quantile(known.subarray(0, found), compositeShare[sensor]);
        }
      }
      return part;
    },
    put(part) {
      const [x0, y0, columns, rows] = part as unknown as [number, number, number, number];
      const length = bands.length * rows * columns;
      for (let i = 0; i < length; i++) {
        const value = part[4 + i]!;
        if (Number.isNaN(value)) continue;
        const b = Math.floor(i / (rows * columns));
        const [y, x] = [y0 + (Math.floor(i / columns) % rows), x0 + (i % columns)];
        mask[y * wide + x] = 1;
        data[(b * tall + y) * wide + x] = value;
      }
      return 4 + length;
    },
  };
}

/** The bands of a sensor that make a picture. */
export function pictureBands(sensor: SensorName, bands: readonly string[]): string[] {
  const wanted = { hr: ["R", "G", "B"], s2: ["B04", "B03", "B02"], s1: ["VV", "VH"] }[sensor];
  return wanted.every((band) => bands.includes(band)) ? wanted : bands.slice(0, 3);
}

/** Mean of valid pixels of a block, evenly spread, at most about 4 × 4: a picture needs no more. NaN without any. */
function blockMean(
  { data, mask, shape: [, bands, height, width] }: ImageStack,
  date: number,
  { band, row, col, side }: { band: number; row: number; col: number; side: number },
): number {
  const step = Math.ceil(side / 4);
  const [bottom, right] = [Math.min(row + side, height), Math.min(col + side, width)];
  const plane = (date * bands + band) * height * width;
  let [sum, count] = [0, 0];
  for (let r = row; r < bottom; r += step) {
    for (let c = col; c < right; c += step) {
      if (mask !== undefined && mask[(date * height + r) * width + c] === 0) continue;
      sum += data[plane + r * width + c]!;
      count++;
    }
  }
  return sum / count;
}

function quantile(values: Float32Array, share: number): number {
  return values.length === 1 ? values[0]! : values.sort()[Math.floor((values.length - 1) * share)]!;
}

/** At most `wanted` of 0 … count − 1, evenly spread. */
function evenly(count: number, wanted: number): number[] {
  const n = Math.min(count, wanted);
  return Array.from({ length: n }, (_, i) => Math.floor(((i + 0.5) * count) / n));
}

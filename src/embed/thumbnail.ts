import type { ImageStack, SensorName } from "../core/place.ts";

/** A picture beside features needs about this many pixels along its longer side. */
const wantedPixels = 1000;
/** Dates that a composite is made from: enough for most of them to be free of clouds at a pixel. */
const compositeDates = 15;

/** A small copy of a scene's images, put together from windows as they pass. */
export interface Thumbnail {
  /** [1, bands, height, width]; masked where no valid pixel came. */
  stack: ImageStack & { mask: Uint8Array };
  /** Put the images of a window in their place; its upper-left pixel is [col, row]. */
  add(corner: readonly [col: number, row: number], images: ImageStack): void;
}

/**
 * @param options.width, options.height  Of all images, in pixels.
 * @param options.bands  To keep; three are enough for a picture.
 */
export function createThumbnail(options: { width: number; height: number; bands: readonly string[] }): Thumbnail {
  const { width, height, bands } = options;
  const side = Math.ceil(Math.max(width, height) / wantedPixels);
  const [tall, wide] = [Math.ceil(height / side), Math.ceil(width / side)];
  const data = new Float32Array(bands.length * tall * wide);
  const mask = new Uint8Array(tall * wide);
  return {
    stack: { data, shape: [1, bands.length, tall, wide], bands, mask },
    add([left, top], images) {
      const [count, , h, w] = images.shape;
      const dates = evenly(count, compositeDates);
      // A block belongs to the window that holds its first pixel; of a block cut by the window's edge a part is used.
      for (let y = Math.ceil(top / side); y < Math.min(tall, (top + h) / side); y++) {
        for (let x = Math.ceil(left / side); x < Math.min(wide, (left + w) / side); x++) {
          for (const [b, name] of bands.entries()) {
            const block = { band: images.bands.indexOf(name), row: y * side - top, col: x * side - left, side };
            const known = dates.map((date) => blockMean(images, { date, ...block })).filter((v) => !Number.isNaN(v));
            if (known.length === 0) continue;
            mask[y * wide + x] = 1;
            data[(b * tall + y) * wide + x] = median(known);
          }
        }
      }
    },
  };
}

/** The bands of a sensor that make a picture. */
export function pictureBands(sensor: SensorName, bands: readonly string[]): string[] {
  const wanted = { hr: ["R", "G", "B"], s2: ["B04", "B03", "B02"], s1: ["VV", "VH"] }[sensor];
  return wanted.every((band) => bands.includes(band)) ? wanted : bands.slice(0, 3);
}

/** Mean of the valid pixels of a block, NaN without any. */
function blockMean(
  { data, mask, shape: [, bands, height, width] }: ImageStack,
  { date, band, row, col, side }: { date: number; band: number; row: number; col: number; side: number },
): number {
  let [sum, count] = [0, 0];
  for (let r = row; r < Math.min(row + side, height); r++) {
    for (let c = col; c < Math.min(col + side, width); c++) {
      if (mask?.[(date * height + r) * width + c] === 0) continue;
      sum += data[((date * bands + band) * height + r) * width + c]!;
      count++;
    }
  }
  return sum / count;
}

/** The lower middle one: clouds are bright, so a tie goes to the darker date. */
function median(values: number[]): number {
  return values.length === 1 ? values[0]! : values.sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}

/** At most `wanted` of 0 … count − 1, evenly spread. */
function evenly(count: number, wanted: number): number[] {
  const n = Math.min(count, wanted);
  return Array.from({ length: n }, (_, i) => Math.floor(((i + 0.5) * count) / n));
}

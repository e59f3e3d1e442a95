import type { Picture } from "../../report/picture.ts";
import { rgbOf, type SegmentationClass } from "./data/classes.ts";

/** A class map in its colours; what is no class is transparent. */
export function classPicture(
  { labels, width, height }: { labels: Uint8Array; width: number; height: number },
  classes: readonly SegmentationClass[],
): Picture {
  const rgba = new Uint8ClampedArray(4 * width * height);
  const colours = classes.map(rgbOf);
  for (const [p, label] of labels.entries()) {
    const colour = colours[label];
    if (colour !== undefined) rgba.set([...colour, 255], 4 * p);
  }
  return { width, height, rgba };
}

/** Pictures of one size beside each other. */
export function sideBySide(pictures: readonly Picture[], { gap }: { gap: number }): Picture {
  const { width, height } = pictures[0]!;
  const wide = pictures.length * (width + gap) - gap;
  const rgba = new Uint8ClampedArray(4 * wide * height);
  for (const [i, picture] of pictures.entries()) {
    for (let row = 0; row < height; row++) {
      const line = picture.rgba.subarray(4 * row * width, 4 * (row + 1) * width);
      rgba.set(line, 4 * (row * wide + i * (width + gap)));
    }
  }
  return { width: wide, height, rgba };
}

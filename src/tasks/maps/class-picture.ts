import type { Picture } from "../../report/picture.ts";
import { type MapClass, rgbOf } from "./classes.ts";

/** A class map in its colours; what is no class is transparent. */
export function classPicture(
  { labels, width, height }: { labels: Uint8Array; width: number; height: number },
  classes: readonly MapClass[],
): Picture {
  const rgba = new Uint8ClampedArray(4 * width * height);
  const colours = classes.map(rgbOf);
  for (const [p, label] of labels.entries()) {
    const colour = colours[label];
    if (colour !== undefined) rgba.set([...colour, 255], 4 * p);
  }
  return { width, height, rgba };
}

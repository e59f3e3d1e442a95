import type { Picture } from "../../report/picture.ts";

/** What becomes of a pixel, and the colour that shows it. */
export const outcomes = [
  { name: "unchanged, and said so", colour: "#e3e3e3" },
  { name: "change that was found", colour: "#2ca02c" },
  { name: "change that was missed", colour: "#1f77b4" },
  { name: "no change, but said", colour: "#d62728" },
] as const;

/** Truth and prediction in one picture [height, width]; what has no label is transparent. */
export function outcomePicture(
  truth: Uint8Array,
  said: Uint8Array,
  { width, height }: { width: number; height: number },
): Picture {
  const colours = outcomes.map(({ colour }) => Number.parseInt(colour.slice(1), 16));
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let p = 0; p < width * height; p++) {
    if (truth[p]! > 1) continue;
    const outcome = truth[p] === 1 ? (said[p] === 1 ? 1 : 2) : said[p] === 1 ? 3 : 0;
    const colour = colours[outcome]!;
    rgba.set([colour >> 16, (colour >> 8) & 255, colour & 255, 255], 4 * p);
  }
  return { width, height, rgba };
}

import type { Picture } from "./picture.ts";

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

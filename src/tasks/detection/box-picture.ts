import { corners } from "../../model/detection/rotated/rotated-boxes.ts";
import type { Picture } from "../../report/picture.ts";

/** Red, green and blue of outlines: of objects that there are, and of what was found. */
export const boxColours = { truth: [255, 214, 10], found: [0, 200, 255] } as const;

/** Corners x, y in order around each box: [n, 4], or [n, 5] with an angle → n lists of eight. */
export function outlinesOf(boxes: Float32Array, oriented: boolean): number[][] {
  if (oriented) return Array.from({ length: boxes.length / 5 }, (_, i) => corners(boxes, 5 * i));
  return Array.from({ length: boxes.length / 4 }, (_, i) => {
    const [x1, y1, x2, y2] = Array.from(boxes.subarray(4 * i, 4 * i + 4)) as [number, number, number, number];
    return [x1, y1, x2, y1, x2, y2, x1, y2];
  });
}

/** A copy of the picture with outlines on it, in its pixels. */
export function drawOutlines(
  { width, height, rgba }: Picture,
  outlines: readonly (readonly number[])[],
  colour: readonly [red: number, green: number, blue: number],
): Picture {
  const out = rgba.slice();
  const thickness = Math.max(1, Math.round(Math.max(width, height) / 400));
  const put = (x: number, y: number) => {
    if (x >= 0 && y >= 0 && x < width && y < height) out.set([...colour, 255], 4 * (y * width + x));
  };
  for (const outline of outlines) {
    for (let k = 0; k < outline.length; k += 2) {
      const [x, y] = [outline[k]!, outline[k + 1]!];
      const [dx, dy] = [outline[(k + 2) % outline.length]! - x, outline[(k + 3) % outline.length]! - y];
      const steps = Math.max(1, Math.ceil(Math.max(Math.abs(dx), Math.abs(dy))));
      for (let s = 0; s <= steps; s++) {
        const [px, py] = [Math.floor(x + (dx * s) / steps), Math.floor(y + (dy * s) / steps)];
        for (let t = 0; t < thickness * thickness; t++) put(px + (t % thickness), py + Math.floor(t / thickness));
      }
    }
  }
  return { width, height, rgba: out };
}

import type { Picture } from "../../report/picture.ts";

/** Red, green and blue of boxes: objects that there are, and what was found. */
export const boxColours = { truth: [255, 214, 10], found: [0, 200, 255] } as const;

/** A copy of the picture with the outlines of boxes [n, 4] on it, in its pixels. */
export function drawBoxes(
  { width, height, rgba }: Picture,
  boxes: Float32Array,
  colour: readonly [red: number, green: number, blue: number],
): Picture {
  const out = rgba.slice();
  const thickness = Math.max(1, Math.round(Math.max(width, height) / 400));
  const put = (x: number, y: number) => {
    if (x >= 0 && y >= 0 && x < width && y < height) out.set([...colour, 255], 4 * (y * width + x));
  };
  for (let i = 0; i < boxes.length; i += 4) {
    const [x1, y1, x2, y2] = Array.from(boxes.subarray(i, i + 4), Math.round) as [number, number, number, number];
    for (let t = 0; t < thickness; t++) {
      for (let x = x1; x <= x2; x++) for (const y of [y1 + t, y2 - t]) put(x, y);
      for (let y = y1; y <= y2; y++) for (const x of [x1 + t, x2 - t]) put(x, y);
    }
  }
  return { width, height, rgba: out };
}

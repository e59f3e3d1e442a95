import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { presets } from "../../model/presets.ts";
import { detectScene } from "./detect-scene.node.ts";
import type { DetectorSession } from "./detector-session.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-detect-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** White squares of 8 pixels on black, by their upper left corners. */
async function picture(squares: readonly (readonly [x: number, y: number])[]): Promise<string> {
  const [width, height] = [300, 200];
  const pixels = Buffer.alloc(width * height * 3);
  for (const [x, y] of squares) {
    for (let row = y; row < y + 8; row++) pixels.fill(255, 3 * (row * width + x), 3 * (row * width + x + 8));
  }
  const path = join(folder, `${squares.length}.png`);
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
  return path;
}

/** A detector that finds the upper left corners of white squares, whole or cut by the window. */
const detector: DetectorSession = {
  config: {
    model: presets.tiny,
    size: 64,
    classes: ["square"],
    oriented: false,
    head: { channels: 4, width: 8 },
    anchorScale: 8,
  },
  async detect(place) {
    const { data, shape } = place.hr!;
    const [, , height, width] = shape;
    const white = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && data[y * width + x]! > 128;
    const boxes: number[] = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!white(x, y) || white(x - 1, y) || white(x, y - 1)) continue;
        let [right, bottom] = [x, y];
        while (white(right, y)) right++;
        while (white(x, bottom)) bottom++;
        boxes.push(x, y, right, bottom);
      }
    }
    const n = boxes.length / 4;
    return { boxes: Float32Array.from(boxes), scores: new Float32Array(n).fill(0.9), labels: new Int32Array(n) };
  },
  async release() {},
};

const squares = [
  [3, 5],
  [60, 40],
  [92, 100],
  [124, 60],
  [150, 150],
  [190, 30],
  [288, 188],
] as const;

test("detectScene: every object of a scene is found once and whole, on whichever windows it lies", async () => {
  const path = await picture(squares);
  const { objects, grid } = await detectScene(detector, { files: [path] }, { window: 128, overlap: 64 });
  expect([grid.width, grid.height]).toEqual([300, 200]);
  const found = squares.map((_, i) => [...objects.boxes.subarray(4 * i, 4 * i + 4)]);
  const byPlace = (a: readonly number[], b: readonly number[]) => a[0]! - b[0]! || a[1]! - b[1]!;
  expect(found.sort(byPlace)).toEqual(squares.map(([x, y]) => [x, y, x + 8, y + 8]).sort(byPlace));
  expect(objects.scores.length).toBe(squares.length);
});

test("detectScene: windows that cannot be are refused", async () => {
  const path = await picture(squares.slice(0, 1));
  await expect(detectScene(detector, { files: [path] }, { window: 64, overlap: 64 })).rejects.toThrow(
    "windows of 64 pixels cannot share 64. Choose a larger --window or a smaller --overlap.",
  );
});

import sharp from "sharp";
import type { Picture } from "./picture.ts";

/** Pixels: wide enough to read on a large screen, small enough to stand in a page. */
const maxWidth = 2000;
const minPanelWidth = 640;

/**
 * The input beside its features, equally large, as PNG (`preview.png`); nodata is transparent.
 *
 * Both are brought to the size of the input, at most 2,000 pixels in all and at least 640 a panel. Pictures are reduced
 * with averaging; enlarged, pixels of the input stay squares, and features are interpolated up to four times (they are
 * a field on a coarse grid), beyond that shown as the cells that they are.
 */
export async function renderPreview({ input, features }: { input: Picture; features: Picture }): Promise<Uint8Array> {
  const gutter = 12;
  const panel = Math.min(Math.max(input.width, features.width, minPanelWidth), (maxWidth - gutter) / 2);
  const width = Math.round(panel);
  const height = Math.max(1, Math.min(4 * width, Math.round((panel * input.height) / input.width)));
  const [left, right] = await Promise.all([
    resize(input, { width, height, smoothUpTo: 1 }),
    resize(features, { width, height, smoothUpTo: 4 }),
  ]);
  const raw = { width, height, channels: 4 } as const;
  return sharp({
    create: { width: 2 * width + gutter, height, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .composite([
      { input: left, raw, left: 0, top: 0 },
      { input: right, raw, left: width + gutter, top: 0 },
    ])
    .png()
    .toBuffer();
}

async function resize(
  { width, height, rgba }: Picture,
  to: { width: number; height: number; smoothUpTo: number },
): Promise<Buffer> {
  const factor = to.width / width;
  const kernel = factor < 1 ? "lanczos3" : factor <= to.smoothUpTo ? "cubic" : "nearest";
  return sharp(rgba, { raw: { width, height, channels: 4 } })
    .resize({ width: to.width, height: to.height, fit: "fill", kernel })
    .raw()
    .toBuffer();
}

import sharp from "sharp";
import type { Picture } from "./picture.ts";

/** A picture as a small PNG, at most `side` pixels a side. */
export async function thumbnailPng(
  { width, height, rgba }: Picture,
  { side }: { side: number },
): Promise<Uint8Array> {
  return sharp(rgba, { raw: { width, height, channels: 4 } })
    .resize({ width: side, height: side, fit: "inside", withoutEnlargement: true })
    .png({ palette: true })
    .toBuffer();
}

import { open } from "node:fs/promises";

/** A raw map of bytes [height, width], made small by taking every so-manyth pixel. */
export async function readSmall(
  path: string,
  { width, height }: { width: number; height: number },
  { side }: { side: number },
): Promise<{ labels: Uint8Array; width: number; height: number }> {
  const step = Math.max(1, Math.ceil(Math.max(width, height) / side));
  const [wide, tall] = [Math.ceil(width / step), Math.ceil(height / step)];
  const labels = new Uint8Array(wide * tall);
  const line = new Uint8Array(width);
  const file = await open(path, "r");
  try {
    for (let row = 0; row < tall; row++) {
      await file.read(line, 0, width, Math.min(height - 1, row * step + (step >> 1)) * width);
      for (let col = 0; col < wide; col++)
        labels[row * wide + col] = line[Math.min(width - 1, col * step + (step >> 1))]!;
    }
  } finally {
    await file.close();
  }
  return { labels, width: wide, height: tall };
}

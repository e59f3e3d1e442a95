import { createRandom } from "../src/core/random.ts";
import { writeCog } from "../src/imagery/raster/write-cog.node.ts";

/** Smooth ground with grain: deflates to about half, as photographs do. */
function* rows(width: number, height: number): Generator<Uint8Array> {
  const random = createRandom(3);
  const count = 64;
  for (let top = 0; top < height; top += count) {
    const tall = Math.min(count, height - top);
    const piece = new Uint8Array(3 * tall * width);
    for (let i = 0; i < piece.length; i++) {
      const band = Math.floor(i / (tall * width));
      const [x, y] = [i % width, top + (Math.floor(i / width) % tall)];
      piece[i] = 120 + 60 * Math.sin(x / 97 + band) * Math.cos(y / 61) + (random.uint32() >>> 28);
    }
    yield piece;
  }
}

/** Write an RGB cloud-optimised GeoTIFF (deflate, predictor 2) of this size. */
export async function writeScene(path: string, { width, height }: { width: number; height: number }): Promise<void> {
  const grid = { crs: "EPSG:32631", transform: [10, 0, 5e5, 0, -10, 5e6] as const, width, height };
  await writeCog({ path, grid, type: "uint8", bands: [{}, {}, {}], rows: rows(width, height) });
}

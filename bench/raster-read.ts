/**
 * Reading a 4096 × 4096 RGB cloud-optimised GeoTIFF (deflate, predictor 2) in windows of 1024²: our reader against
 * geotiff.js's own `readRasters`, in turns. Prints Mpixel/s of both and the ratio.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromFile } from "geotiff";
import { createRandom } from "../src/core/random.ts";
import { openRaster } from "../src/imagery/raster/open.node.ts";
import { writeCog } from "../src/imagery/raster/write-cog.node.ts";
import { compareRuns, conclude, Ratios } from "./harness.ts";

const size = 4096;
const windowSize = 1024;
const rounds = 5;

/** Smooth ground with grain: deflates to about half, as photographs do. */
function* rows(): Generator<Uint8Array> {
  const random = createRandom(3);
  const count = 64;
  for (let top = 0; top < size; top += count) {
    const piece = new Uint8Array(3 * count * size);
    for (let i = 0; i < piece.length; i++) {
      const band = Math.floor(i / (count * size));
      const [x, y] = [i % size, top + (Math.floor(i / size) % count)];
      piece[i] = 120 + 60 * Math.sin(x / 97 + band) * Math.cos(y / 61) + (random.uint32() >>> 28);
    }
    yield piece;
  }
}

const windows = Array.from({ length: (size / windowSize) ** 2 }, (_, i) => {
  const across = size / windowSize;
  return [(i % across) * windowSize, Math.floor(i / across) * windowSize, windowSize, windowSize] as const;
});

const folder = mkdtempSync(join(tmpdir(), "skysense-bench-"));
try {
  const path = join(folder, "scene.tif");
  const grid = { crs: "EPSG:32631", transform: [10, 0, 5e5, 0, -10, 5e6] as const, width: size, height: size };
  await writeCog({ path, grid, type: "uint8", bands: [{}, {}, {}], rows: rows() });

  async function ours(): Promise<void> {
    const raster = await openRaster(path, { cacheBytes: 2 ** 27 });
    for (const window of windows) await raster.read({ window });
    await raster.close();
  }
  async function theirs(): Promise<void> {
    const tiff = await fromFile(path);
    const image = await tiff.getImage();
    for (const [col, row, width, height] of windows) {
      await image.readRasters({ window: [col, row, col + width, row + height] });
    }
    tiff.close();
  }
  const result = await compareRuns({ a: ours, b: theirs, rounds });
  const rate = (ms: number): string => (size ** 2 / ms / 1e3).toFixed(0);
  console.log(`ours ${rate(result.aMs)} Mpixel/s, geotiff.js ${rate(result.bMs)} Mpixel/s`);
  const ratios = new Ratios();
  ratios.add("read RGB COG, against geotiff.js", result);
  conclude(ratios.finish());
} finally {
  rmSync(folder, { recursive: true, force: true });
}

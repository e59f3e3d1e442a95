/**
 * Reading a 4096 × 4096 RGB cloud-optimised GeoTIFF (deflate, predictor 2) in windows of 1024²: our reader against
 * geotiff.js's own `readRasters`, in turns. Prints Mpixel/s of both and the ratio.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromFile } from "geotiff";
import { openRaster } from "../src/imagery/raster/open.node.ts";
import { compareRuns, conclude, Ratios } from "./harness.ts";
import { writeScene } from "./scene.ts";

const size = 4096;
const windowSize = 1024;
const rounds = 5;

const windows = Array.from({ length: (size / windowSize) ** 2 }, (_, i) => {
  const across = size / windowSize;
  return [(i % across) * windowSize, Math.floor(i / across) * windowSize, windowSize, windowSize] as const;
});

const folder = mkdtempSync(join(tmpdir(), "skysense-bench-"));
try {
  const path = join(folder, "scene.tif");
  await writeScene(path, { width: size, height: size });

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

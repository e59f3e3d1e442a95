import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openRaster } from "./open.node.ts";
import { writeCog } from "./write-cog.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const size = 20_000;
const MiB = 2 ** 20;

/** Highest resident memory of this process while `work` runs, above what it was before. */
async function peakRise(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 50);
  await work();
  clearInterval(timer);
  return peak - before;
}

function value(band: number, row: number, col: number): number {
  return ((band + 1) * 31 + (row >> 3) * 7 + (col >> 4) * 3) & 255;
}

test("writeCog and openRaster: 20,000 × 20,000 pixels in three bands pass through flat memory", async () => {
  const path = join(folder, "large.tif");
  const grid = { crs: "EPSG:32631", transform: [1, 0, 5e5, 0, -1, 5e6] as const, width: size, height: size };
  function* rows(): Generator<Uint8Array> {
    const count = 100;
    for (let top = 0; top < size; top += count) {
      const piece = new Uint8Array(3 * count * size);
      for (let band = 0; band < 3; band++) {
        for (let row = 0; row < count; row++) {
          const at = (band * count + row) * size;
          for (let col = 0; col < size; col++) piece[at + col] = value(band, top + row, col);
        }
      }
      yield piece;
    }
  }
  const writing = await peakRise(() => writeCog({ path, grid, type: "uint8", bands: [{}, {}, {}], rows: rows() }));
  expect(writing / MiB).toBeLessThan(1200);

  const reading = await peakRise(async () => {
    const raster = await openRaster(path);
    for (let row = 0; row + 1024 <= 6000; row += 768) {
      for (let col = 0; col + 1024 <= size; col += 768) {
        const { data } = await raster.read({ window: [col, row, 1024, 1024] });
        for (const i of [0, 1023, 1024 * 1024 - 1]) {
          expect(data[i]).toBe(value(0, row + Math.floor(i / 1024), col + (i % 1024)));
        }
      }
    }
    await raster.close();
  });
  expect(reading / MiB).toBeLessThan(600);
}, 900_000);

test("writeCog: hundreds of bands of float32 get tiles small enough to read, and overviews", async () => {
  const path = join(folder, "many.tif");
  const grid = { crs: "EPSG:32631", transform: [10, 0, 5e5, 0, -10, 5e6] as const, width: 625, height: 625 };
  const bands = Array.from({ length: 192 }, (_, i) => ({ name: `f${i}`, nodata: Number.NaN }));
  function* rows(): Generator<Float32Array> {
    for (let top = 0; top < 625; top += 25) {
      yield new Float32Array(192 * 25 * 625).map(
        (_, i) => Math.floor(i / 15625) + (top + (Math.floor(i / 625) % 25)) / 64,
      );
    }
  }
  await writeCog({ path, grid, type: "float32", bands, rows: rows() });
  const raster = await openRaster(path);
  expect(raster.blockSize).toEqual([128, 128]);
  const { data } = await raster.read({ window: [600, 300, 1, 1] });
  expect([...data]).toEqual(bands.map((_, band) => band + 300 / 64));
  await raster.close();
}, 600_000);

import type { Raster } from "../../src/imagery/raster.ts";
import type { BuildOptions, Input } from "../../src/imagery/scene/build-scene.ts";
import { buildScene } from "../../src/imagery/scene/build-scene.ts";
import { type MemoryRaster, memoryRaster } from "../../src/imagery/scene/memory-raster.ts";
import type { FileDescription } from "../../src/imagery/sensor/description.ts";
import { modelBands } from "../../src/imagery/sensor/profiles.ts";

export const utm = (gsd: number, x = 500_000, y = 5_000_000) => ({
  crs: "EPSG:32631",
  transform: [gsd, 0, x, 0, -gsd, y] as const,
});

export function input(raster: Raster, description: FileDescription = {}): Input {
  return { raster, said: { sources: [{ description, from: "test" }], options: {} } };
}
export const scene = (inputs: (Raster | Input)[], options: BuildOptions = {}) =>
  buildScene(
    inputs.map((one) => ("raster" in one ? one : input(one))),
    options,
  );

/** A picture whose pixels tell where they are. */
export const rgb = (options: Partial<MemoryRaster> = {}) =>
  memoryRaster({
    path: "hr.tif",
    width: 100,
    height: 70,
    value: (b, col, row) => (b * 50 + col + row) % 256,
    bands: [{ name: "R" }, { name: "G" }, { name: "B" }],
    ...options,
  });

export const s2Values: Record<string, number> = {
  B01: 400,
  B02: 500,
  B03: 800,
  B04: 700,
  B05: 1150,
  B06: 2700,
  B07: 3300,
  B08: 3250,
  B8A: 3600,
  B09: 3400,
  B10: 12,
  B11: 2000,
  B12: 1050,
};
export const s2 = (names: readonly string[] = modelBands("s2"), options: Partial<MemoryRaster> = {}) =>
  memoryRaster({
    path: "s2_20200105.tif",
    width: 12,
    height: 8,
    type: "uint16",
    grid: utm(10),
    value: (b, col, row) => s2Values[names[b % names.length]!]! + col + 10 * row,
    bands: names.map((name) => ({ name })),
    ...options,
  });

export const s1 = (options: Partial<MemoryRaster> = {}) =>
  memoryRaster({
    path: "s1.tif",
    width: 12,
    height: 8,
    type: "float32",
    grid: utm(10),
    value: (b, col, row) => (b === 0 ? -11 : -18) + Math.sin(col * 2.1 + row) * 3,
    bands: [{ name: "VV" }, { name: "VH" }],
    ...options,
  });

export const refused = async (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

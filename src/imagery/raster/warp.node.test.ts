import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test, vi } from "vitest";
import { pixelToWorld, worldToPixel } from "../../core/grid.ts";
import type { Raster } from "../raster.ts";
import { openRaster } from "./open.node.ts";
import { warpOnto } from "./warp.node.ts";

// GDAL starts in half a second, and in many on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const fixtures = new URL("../../../fixtures/raster/", import.meta.url).pathname;
const file = (name: string): string => `${fixtures}${name}/input.tif`;

/** What nearest-neighbour warping within one coordinate system must give, by the grids' own arithmetic. */
async function nearest(source: Raster, target: Raster["grid"], band: number): Promise<(number | undefined)[]> {
  const { data, shape } = await source.read({ bands: [band] });
  return Array.from({ length: target.width * target.height }, (_, i) => {
    const at = [(i % target.width) + 0.5, Math.floor(i / target.width) + 0.5] as const;
    const [x, y] = worldToPixel(source.grid.transform, pixelToWorld(target.transform, at)).map(Math.floor) as [
      number,
      number,
    ];
    return x >= 0 && y >= 0 && x < shape[2] && y < shape[1] ? data[y * shape[2] + x] : undefined;
  });
}

test("warpOnto: another resolution and offset of one system take the pixels that lie there", async () => {
  const source = await openRaster(file("tiff-uint8-deflate-predictor"));
  // 10 × 20 m pixels onto 5 m, starting outside on the left.
  const grid = { ...source.grid, transform: [5, 0, 499950, 0, -5, 5649900] as const, width: 50, height: 30 };
  const warped = await warpOnto(source, grid, { resampling: "nearest", bands: [2, 0] });
  const [{ data }, mask] = [await warped.read(), await warped.readMask!()];
  expect(warped.grid).toEqual(grid);
  expect(warped.bands.map((band) => band.colour)).toEqual(["blue", "red"]);
  for (const [i, band] of [2, 0].entries()) {
    const want = await nearest(source, grid, band);
    expect([...mask]).toEqual(want.map((value) => (value === undefined ? 0 : 1)));
    expect([...data.subarray(i * 1500, (i + 1) * 1500)]).toEqual(want.map((value) => value ?? 0));
  }
  await warped.close();
  await source.close();
});

test("warpOnto: nodata and masks of the source are masked in the result and never mixed in", async () => {
  for (const name of ["tiff-nodata-nan", "tiff-internal-mask", "tiff-alpha"]) {
    const source = await openRaster(file(name));
    const grid = { ...source.grid, transform: [5, 0, 500000, 0, -10, 5650000] as const, width: 80, height: 60 };
    const warped = await warpOnto(source, grid, { resampling: "bilinear" });
    const mask = await warped.readMask!();
    const want = await source.readMask!();
    const doubled = Array.from(mask, (_, i) => want[Math.floor(i / 160) * 40 + Math.floor((i % 80) / 2)]);
    // Bilinear weights may fill a pixel at the rim of a hole from the valid side; the middle of a hole stays one.
    const wrong = [...mask].filter((valid, i) => doubled[i] === 1 && valid === 0).length;
    expect(wrong, name).toBe(0);
    expect([...mask].filter((valid) => valid === 0).length, name).toBeGreaterThan(0);
    const { data } = await warped.read();
    for (let i = 0; i < mask.length; i++) if (mask[i] === 1) expect(Number.isFinite(data[i])).toBe(true);
    await warped.close();
    await source.close();
  }
});

test("warpOnto: of several sources the last valid pixel shows", async () => {
  const under = await openRaster(file("tiff-uint8-deflate-predictor"));
  const over = await openRaster(file("tiff-internal-mask"));
  const warped = await warpOnto([file("tiff-uint8-deflate-predictor"), over], under.grid, { resampling: "nearest" });
  const [a, b, mask] = [await under.read(), await over.read(), await over.readMask!()];
  const { data } = await warped.read();
  expect([...data]).toEqual(Array.from(a.data, (value, i) => (mask[i % 1200] === 1 ? b.data[i] : value)));
  await warped.close();
  await under.close();
  await over.close();
});

test("warpOnto: onto another projection and back gives the image again, but for half a pixel's smoothing", async () => {
  const source = await openRaster(file("cog-overviews"));
  const lonLat = {
    crs: "EPSG:4326",
    transform: [0.00005, 0, 2.9999, 0, -0.00005, 51.0005] as const,
    width: 1060,
    height: 1050,
  };
  const there = await warpOnto(source, lonLat, { resampling: "nearest" });
  const back = await warpOnto(there, source.grid, { resampling: "nearest" });
  const [a, b, mask] = [await source.read(), await back.read(), await back.readMask!()];
  // The image repeats each pixel 9 × 9 times: well inside, a pixel's shift changes nothing.
  const equal = [...a.data].filter((value, i) => mask[i % mask.length] === 0 || value === b.data[i]).length;
  expect(equal / a.data.length).toBeGreaterThan(0.85);
  expect([...mask].filter((valid) => valid === 1).length / mask.length).toBeGreaterThan(0.9);
  await Promise.all([source, there, back].map((raster) => raster.close()));
});

test("warpOnto: an image without a system, or one that lies elsewhere, is refused and leaves no file", async () => {
  const left = () =>
    readdirSync(tmpdir()).filter((name) => name.startsWith("skysense-") && !/test|fuzz|bench/.test(name));
  const before = left();
  const grid = { crs: "EPSG:32631", transform: [10, 0, 0, 0, -10, 0] as const, width: 20, height: 20 };
  await expect(warpOnto(file("tiff-uint8-none"), grid)).rejects.toThrow(
    `no image touches the grid (${file("tiff-uint8-none")}). Check that the files show the same place`,
  );
  await expect(warpOnto(`${fixtures}png-gray/input.png`, grid)).rejects.toThrow("the image has no coordinate system");
  expect(left()).toEqual(before);
});

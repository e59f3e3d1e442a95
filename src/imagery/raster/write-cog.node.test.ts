import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import type { RasterData, RasterType } from "../raster.ts";
import { withSharedGdal } from "./gdal-session.node.ts";
import { openRaster } from "./open.node.ts";
import { newData } from "./unpack.ts";
import { type WriteCogOptions, writeCog } from "./write-cog.node.ts";

// GDAL starts in half a second, and in many on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "skysense-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const grid = { crs: "EPSG:32631", transform: [10, 0, 500000, 0, -10, 5650000] as const, width: 300, height: 200 };

/** Every value of the type's range comes, and no two bands or rows are equal. */
function value(type: RasterType, band: number, row: number, col: number): number {
  const n = (band + 1) * 31 + row * 7 + col * 3;
  return type === "float32" ? n / 7 : type === "int8" ? (n % 255) - 127 : n % 256;
}

function* rows(type: RasterType, bands: number, count: number): Generator<RasterData> {
  for (let top = 0; top < grid.height; top += count) {
    const piece = newData(type, bands * count * grid.width);
    for (let i = 0; i < piece.length; i++) {
      const [band, row] = [Math.floor(i / (count * grid.width)), Math.floor(i / grid.width) % count];
      piece[i] = value(type, band, top + row, i % grid.width);
    }
    yield piece;
  }
}

interface Info {
  metadata: Record<string, Record<string, string>>;
  stac: { "proj:epsg": number };
  geoTransform: number[];
  bands: {
    type: string;
    block: number[];
    description: string;
    noDataValue: number;
    scale: number;
    offset: number;
    unit: string;
    overviews: { size: number[] }[];
    metadata: Record<string, Record<string, string>>;
  }[];
}

async function gdalInfo(path: string): Promise<Info> {
  return withSharedGdal(async (gdal) => (await gdal.info(path.replace(tmpdir(), "/output"))) as Info);
}

test.each(["int8", "uint8", "float32"] as const)(
  "writeCog: GDAL reads back %s, and all that was said of it",
  async (type) => {
    const path = join(folder, `${type}.tif`);
    const bands = ["f0", "f1 <&>", "f2"].map((name, i) => ({
      ...{ name, scale: 0.25 * (i + 1), offset: i - 0.5, nodata: type === "float32" ? -9999 : 0, unit: "1" },
      metadata: { wavelength: `${i}` },
    }));
    const metadata = { MODEL: 'a "model" & more', ASSUMED: "line one\nline two" };
    await writeCog({ path, grid, type, bands, metadata, rows: rows(type, 3, 40) });

    const info = await gdalInfo(path);
    expect(info.metadata.IMAGE_STRUCTURE).toMatchObject({
      LAYOUT: "COG",
      COMPRESSION: "DEFLATE",
      INTERLEAVE: "PIXEL",
    });
    expect(info.metadata[""]).toMatchObject(metadata);
    expect(info.stac["proj:epsg"]).toBe(32631);
    expect(info.geoTransform).toEqual([500000, 10, 0, 5650000, 0, -10]);
    info.bands.forEach((band, i) => {
      expect(band.type).toBe({ int8: "Int8", uint8: "Byte", float32: "Float32" }[type]);
      expect(band.description).toBe(bands[i]!.name);
      expect([band.noDataValue, band.scale, band.offset, band.unit]).toEqual([
        ...[bands[i]!.nodata, bands[i]!.scale, bands[i]!.offset, "1"],
      ]);
      expect(band.metadata[""]).toEqual({ wavelength: `${i}` });
    });

    const raster = await openRaster(path);
    expect(raster.bands.map((band) => [band.name, band.scale, band.offset, band.nodata, band.unit])).toEqual(
      bands.map((band) => [band.name, band.scale, band.offset, band.nodata, band.unit]),
    );
    expect(raster.metadata).toMatchObject(metadata);
    const { data } = await raster.read();
    await raster.close();
    const want = [...rows(type, 3, grid.height)][0]!;
    expect(data).toEqual(want);
  },
);

test("writeCog: pixels may come as a raw file, and a scene without georeference stays one", async () => {
  const raw = join(folder, "pixels.bin");
  const pixels = [...rows("uint8", 1, grid.height)][0]!;
  writeFileSync(raw, pixels as Uint8Array);
  const path = join(folder, "from-raw.tif");
  const plain = { ...grid, crs: undefined, transform: [1, 0, 0, 0, 1, 0] as const };
  await writeCog({ path, grid: plain, type: "uint8", bands: [{}], rows: { rawFile: raw } });
  const raster = await openRaster(path);
  expect(raster.grid).toEqual(plain);
  expect((await raster.read()).data).toEqual(pixels);
  await raster.close();
});

test("writeCog: a failure in the middle leaves nothing, and the file that was there before", async () => {
  const path = join(folder, "kept.tif");
  writeFileSync(path, "before");
  const before = readdirSync(folder).sort();
  function* broken(): Generator<RasterData> {
    yield new Uint8Array(grid.width);
    throw new Error("source ended");
  }
  const options: WriteCogOptions = { path, grid, type: "uint8", bands: [{}], rows: broken() };
  await expect(writeCog(options)).rejects.toThrow("source ended");
  const stop = new AbortController();
  const rest = rows("uint8", 1, 50);
  const aborted = writeCog({
    ...{ ...options, rows: rest, signal: stop.signal },
    onProgress: ({ phase }) => phase === "write GeoTIFF" && stop.abort(new Error("enough")),
  });
  await expect(aborted).rejects.toThrow("enough");
  expect(readdirSync(folder).sort()).toEqual(before);
});

test("writeCog: a folder that cannot be written is one sentence with the remedy", async () => {
  writeFileSync(join(folder, "a-file"), "");
  const path = join(folder, "a-file", "out.tif");
  await expect(writeCog({ path, grid, type: "uint8", bands: [{}], rows: rows("uint8", 1, 50) })).rejects.toThrow(
    `a part of this path is a file, not a folder (${path}). Choose another folder.`,
  );
});

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import type { Raster, RasterData } from "../raster.ts";
import { openRaster } from "./open.node.ts";

// GDAL starts in half a second, and in many on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const fixtures = new URL("../../../fixtures/raster/", import.meta.url).pathname;
const names = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

interface Expected {
  crs: string | null;
  transform: number[] | null;
  metadata: Record<string, string>;
  mask: number[] | null;
  bands: {
    name: string | null;
    nodata: number | "nan" | null;
    scale: number | null;
    offset: number | null;
    unit: string | null;
    colour: string;
  }[];
}

function fixture(name: string): { path: string; values: RasterData; expected: Expected } {
  const folder = `${fixtures}${name}/`;
  const input = readdirSync(folder).find((file) => file.startsWith("input.") && !file.endsWith(".wld"))!;
  const expected = JSON.parse(readFileSync(`${folder}expected.json`, "utf8")) as Expected;
  return { path: folder + input, values: readNpy(`${folder}expected.npy`), expected };
}

/** NumPy's array file, little-endian and in C order: all that the fixtures hold. */
function readNpy(path: string): RasterData {
  const file = readFileSync(path);
  const start = 10 + file.readUInt16LE(8);
  const type = /'descr': '[<|]?([a-z]\d)'/.exec(file.toString("latin1", 10, start))![1]!;
  const bytes = new Uint8Array(file.subarray(start)).buffer;
  const arrays: Record<string, new (b: ArrayBuffer) => RasterData> = {
    ...{ u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i2: Int16Array, u4: Uint32Array, i4: Int32Array },
    ...{ f4: Float32Array, f8: Float64Array },
  };
  return new arrays[type]!(bytes);
}

/** How many values differ; NaN equals NaN. */
function differing(a: RasterData, b: RasterData): number {
  let count = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) count++;
  return count;
}

async function using<T>(path: string, use: (raster: Raster) => Promise<T>): Promise<T> {
  const raster = await openRaster(path);
  try {
    return await use(raster);
  } finally {
    await raster.close();
  }
}

test.each(names)("openRaster: %s has the values that GDAL reads", async (name) => {
  const { path, values } = fixture(name);
  await using(path, async (raster) => {
    const { data, shape } = await raster.read();
    expect(shape).toEqual([raster.bands.length, raster.grid.height, raster.grid.width]);
    expect(data.constructor).toBe(values.constructor);
    expect(differing(data, values)).toBe(0);
  });
});

test.each(names)("openRaster: %s has the georeference, bands, metadata and mask that GDAL finds", async (name) => {
  const { path, expected } = fixture(name);
  await using(path, async (raster) => {
    expect(raster.grid.crs ?? null).toBe(expected.crs);
    expect(raster.grid.transform).toEqual(expected.transform ?? [1, 0, 0, 0, 1, 0]);
    const found = raster.bands.map((band) => ({
      name: band.name ?? null,
      nodata: Number.isNaN(band.nodata) ? "nan" : (band.nodata ?? null),
      scale: band.scale ?? null,
      offset: band.offset ?? null,
      unit: band.unit ?? null,
      colour: band.colour,
    }));
    expect(found).toEqual(expected.bands);
    expect(raster.metadata).toMatchObject(expected.metadata);
    const mask = await raster.readMask?.();
    if (
      raster.bands.length === 1 ||
      expected.mask === null ||
      !raster.bands.some((band) => band.nodata !== undefined)
    ) {
      expect(mask && [...mask]).toEqual(expected.mask ?? undefined);
    }
  });
});

test("readMask: a pixel is masked when all its bands are nodata, and valid when one is not", async () => {
  await using(fixture("tiff-described").path, async (raster) => {
    const { data, shape } = await raster.read();
    const pixels = shape[1] * shape[2];
    const any = Array.from({ length: pixels }, (_, i) =>
      data[i] !== 0 || data[i + pixels] !== 0 || data[i + 2 * pixels] !== 0 ? 1 : 0,
    );
    expect([...(await raster.readMask!())]).toEqual(any);
  });
});

test("read: any window of any bands equals that part of the whole", async () => {
  for (const name of ["tiff-uint8-deflate-predictor", "tiff-uint8-planar", "tiff-uint16-lzw-predictor", "bmp"]) {
    await using(fixture(name).path, async (raster) => {
      const { width, height } = raster.grid;
      const whole = (await raster.read()).data;
      const window = [13, 5, 20, 17] as const;
      const { data } = await raster.read({ window, bands: [2, 0] });
      const part = [2, 0].flatMap((band) =>
        Array.from({ length: 17 * 20 }, (_, i) => {
          const [x, y] = [13 + (i % 20), 5 + Math.floor(i / 20)];
          return whole[(band * height + y) * width + x]!;
        }),
      );
      expect([...data], name).toEqual(part);
    });
  }
});

test("read: a smaller size takes nearest pixels, and overviews where the file has them", async () => {
  await using(fixture("cog-overviews").path, async (raster) => {
    const { width, height } = raster.grid;
    const whole = (await raster.read()).data;
    const { data, shape } = await raster.read({ size: [40, 30] });
    expect(shape).toEqual([3, 30, 40]);
    // The image repeats each pixel of a 40 × 30 one 9 times 9, so every way to choose a pixel finds the same.
    for (let i = 0; i < 40 * 30; i++) {
      expect(data[i]).toBe(whole[(Math.floor(i / 40) * 9 + 4) * width + (i % 40) * 9 + 4]);
    }
    expect(whole.length).toBe(3 * width * height);
  });
});

test("read: a window outside, and an unknown band, name the file and what it has", async () => {
  const { path } = fixture("tiff-described");
  await using(path, async (raster) => {
    await expect(raster.read({ window: [30, 0, 20, 10] })).rejects.toThrow(
      `window [30, 0, 20, 10] does not lie in the raster of 40 × 30 pixels (${path}). ` +
        "Give [col, row, width, height] in whole pixels inside it.",
    );
    await expect(raster.read({ bands: [3] })).rejects.toThrow(
      `band index 3 does not exist (${path}). Choose from 0 (B02), 1 (B8A), 2 (SCL).`,
    );
  });
});

test("read: an aborted read rejects with the signal's reason, and later reads are whole", async () => {
  const { path, values } = fixture("tiff-uint8-deflate-predictor");
  await using(path, async (raster) => {
    const stop = new AbortController();
    const reading = raster.read({ signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
    expect((await raster.read()).data).toEqual(values);
  });
});

test("read: windows that are read in parallel are each right", async () => {
  const { path, values } = fixture("tiff-uint8-lzw");
  await using(path, async (raster) => {
    const rows = await Promise.all(
      Array.from({ length: 30 }, (_, y) => raster.read({ window: [0, y, 40, 1], bands: [1] })),
    );
    rows.forEach(({ data }, y) => {
      expect(data).toEqual(values.slice((30 + y) * 40, (31 + y) * 40));
    });
  });
});

test("openRaster: files that nothing here reads are refused with the remedy", async () => {
  const { writeFileSync, mkdtempSync, rmSync } = await import("node:fs");
  const folder = mkdtempSync("/tmp/skysense-test-");
  try {
    const cases: [name: string, bytes: string, message: RegExp][] = [
      ["a.jp2", "0000000c6a5020200d0a870a", /JPEG 2000 file.*gdal_translate -of COG/],
      ["a.nc", "43444601", /netCDF file.*NETCDF:/],
      ["a.h5", "894844460d0a1a0a", /HDF5 or netCDF-4 file/],
      ["a.tif", "", /the file is empty/],
      ["a.txt", "68656c6c6f20776f726c64", /GDAL cannot open the file/],
      ["b.tif", "49492a0008", /the file ends inside its header/],
    ];
    for (const [name, bytes, message] of cases) {
      writeFileSync(`${folder}/${name}`, Buffer.from(bytes, "hex"));
      await expect(openRaster(`${folder}/${name}`)).rejects.toThrow(message);
    }
    await expect(openRaster(`${folder}/none.tif`)).rejects.toThrow(`no such file (${folder}/none.tif).`);
    await expect(openRaster(folder)).rejects.toThrow("expected a file, found a directory");
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(existsSync(folder)).toBe(false);
});

test.skipIf(!process.env.SKYSENSE_DATA)(
  "openRaster: a UTM zone on an unnamed datum becomes a PROJ string that says just that",
  async () => {
    await using(`${process.env.SKYSENSE_DATA}/treesatai-ts-sample/s2_10m.tif`, async (raster) => {
      expect(raster.grid.crs).toBe("+proj=utm +zone=32 +ellps=GRS80 +units=m +no_defs");
      expect(raster.bands.length).toBe(1460);
    });
  },
);

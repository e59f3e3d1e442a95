import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { input, refused, rgb, s1, s2, s2Values, scene, utm } from "../../../test/support/scenes.ts";
import type { Window } from "../../core/grid.ts";
import type { Raster } from "../raster.ts";
import { bandOrders, modelBands, profiles } from "../sensor/profiles.ts";
import { buildScene } from "./build-scene.ts";
import { describe as describeScene } from "./describe.ts";
import { formatDescription } from "./format-description.ts";
import { type MemoryRaster, memoryRaster } from "./memory-raster.ts";

describe("cells", () => {
  test("buildScene: with HR alone a cell is k × k pixels, the last ones partial", async () => {
    const { grid, location, decisions } = await scene([rgb()], { hrPixelsPerCell: 32 });
    expect([grid.width, grid.height]).toEqual([4, 3]);
    expect(location).toBeUndefined();
    expect(decisions.map(({ what }) => what)).toContain("pixel coordinates, no location");
  });

  test("read: whole cells are the file's pixels, what lies beyond repeats the edge under mask 0", async () => {
    const place = await (await scene([rgb()], { hrPixelsPerCell: 32 })).read([2, 1, 2, 2]);
    const { data, shape, mask } = place.hr!;
    expect(shape).toEqual([1, 3, 64, 64]);
    const at = (b: number, col: number, row: number) => data[(b * 64 + row) * 64 + col];
    for (const [col, row] of [
      [0, 0],
      [35, 37],
      [10, 20],
    ] as const) {
      expect(at(1, col, row)).toBe((50 + 64 + col + 32 + row) % 256);
      expect(mask![row * 64 + col]).toBe(1);
    }
    // Column 99 and row 69 are the last: 35 and 37 in this window.
    expect(at(2, 50, 20)).toBe(at(2, 35, 20));
    expect(at(2, 63, 63)).toBe(at(2, 35, 37));
    expect([mask![20 * 64 + 36], mask![38 * 64], mask![37 * 64 + 35]]).toEqual([0, 0, 1]);
  });

  test("read: a window never depends on where it was cut, sticking out or not", async () => {
    const opened = await scene([rgb({ grid: utm(0.3) }), s2(), s1({ grid: utm(20, 499_990) })], {
      hrPixelsPerCell: 8,
    });
    const whole = await opened.read([-2, -1, 18, 12]);
    const span = fc.tuple(
      fc.integer({ min: -2, max: 11 }),
      fc.integer({ min: -1, max: 7 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(span, async ([col, row, w, h]) => {
        const window: Window = [col, row, w, h];
        fc.pre(col + w > 0 && row + h > 0);
        const part = await opened.read(window);
        for (const sensor of ["hr", "s2", "s1"] as const) {
          const k = sensor === "hr" ? 8 : 1;
          const [a, b] = [whole[sensor]!, part[sensor]!];
          const planes = a.shape[0] * a.shape[1];
          for (let n = 0; n < planes; n++) {
            for (let y = 0; y < h * k; y++) {
              const from = (n * 12 * k + (row + 1) * k + y) * 18 * k + (col + 2) * k;
              const to = (n * h * k + y) * w * k;
              expect(b.data.subarray(to, to + w * k)).toEqual(a.data.subarray(from, from + w * k));
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test("buildScene: with Sentinel-2 a cell is its 10 m pixel, and HR is resampled to k pixels a cell", async () => {
    const hr = rgb({ width: 250, height: 250, grid: utm(0.2), value: (_, col) => col });
    const opened = await scene([hr, s2()], { hrPixelsPerCell: 32 });
    expect([opened.grid.width, opened.grid.height]).toEqual([12, 8]);
    const { hr: stack, location } = await opened.read([1, 0, 2, 2]);
    expect(stack!.shape).toEqual([1, 3, 64, 64]);
    // Column c of the window has its centre at 10 m + (c + 0.5) · 0.3125 m; that of the file's column v at (v + 0.5) · 0.2 m.
    expect(Math.abs(stack!.data[10]! - ((10 + 10.5 * 0.3125) / 0.2 - 0.5))).toBeLessThan(0.15);
    expect(location!.longitude).toBeCloseTo(3.00025, 4);
    expect(location!.latitude).toBeCloseTo(45.153, 2);
  });

  test("read: outside of a sensor's footprint is the mean under mask 0, one cell of it the nearest pixel", async () => {
    const opened = await scene([rgb({ width: 100, height: 100, grid: utm(1), value: () => 200 }), s2()], {
      hrPixelsPerCell: 10,
    });
    const { hr } = await opened.read([8, 0, 4, 1]);
    const row = (col: number) => [Math.round(hr!.data[col]!), hr!.mask![col]];
    expect(row(19)).toEqual([200, 1]);
    expect(row(20)).toEqual([200, 0]);
    expect(row(29)).toEqual([200, 0]);
    expect(row(31)).toEqual([Math.round(0.485 * 255), 0]);
  });

  test("buildScene: Sentinel-2 of 20 m alone gets cells of 10 m", async () => {
    const bands = bandOrders["20m"]!.bands;
    const opened = await scene([s2(bands, { grid: utm(20), value: (b, col) => 0.5 * s2Values[bands[b]!]! + col })]);
    expect([opened.grid.width, opened.grid.height, opened.grid.transform[0]]).toEqual([24, 16, 10]);
  });

  test("buildScene: files in two projections are refused unless they may be warped", async () => {
    const other = s1({ grid: { crs: "EPSG:32632", transform: [10, 0, 20_000, 0, -10, 5_010_000] } });
    expect(await refused(scene([s2(), other]))).toMatch(/^MIXED_CRS: .*EPSG:32632.*EPSG:32631.*--reproject/);
    const warped: Raster[] = [];
    const opened = await buildScene([input(s2()), input(other)], { reproject: true }, async (raster, grid) => {
      warped.push(raster);
      return s1({ width: grid.width, height: grid.height, grid });
    });
    await opened.read([0, 0, 2, 2]);
    const { s1: stack } = await opened.read([0, 0, 3, 2]);
    expect(stack!.shape).toEqual([1, 2, 2, 3]);
    expect(warped.map(({ path }) => path)).toEqual([other.path]);
  });

  test("buildScene: ETRS89 and WGS 84 of one zone are one projection", async () => {
    const opened = await scene([s2(), s1({ grid: { ...utm(10), crs: "EPSG:25831" } })]);
    expect(opened.sensors.map(({ sensor }) => sensor)).toEqual(["s2", "s1"]);
  });

  test("buildScene: without georeference sizes must have one ratio", async () => {
    const bare = { crs: undefined, transform: [1, 0, 0, 0, 1, 0] as const };
    const flat = s2(undefined, { grid: bare });
    const opened = await scene([rgb({ width: 96, height: 64 }), flat], { hrPixelsPerCell: 8 });
    expect((await opened.read([0, 0, 12, 8])).hr!.mask).toBeUndefined();
    expect(await refused(scene([rgb(), flat]))).toMatch(/^SIZE_MISMATCH: .*100 × 70.*12 × 8/);
    expect(await refused(scene([rgb(), s2()]))).toMatch(/^NO_GEOREFERENCE: .*hr\.tif/);
  });

  test("buildScene: files of two places are refused", async () => {
    expect(await refused(scene([s2(), s1({ grid: utm(10, 600_000) })]))).toMatch(/^NO_OVERLAP: .*s1\.tif/);
  });

  test("read: a window outside of the scene is refused", async () => {
    expect(await refused((await scene([s2()])).read([12, 0, 4, 4]))).toMatch(/^WINDOW_OUTSIDE/);
  });
});

describe("masks", () => {
  test("read: nodata, NaN and the file's mask become mask 0 and the band's mean", async () => {
    const names = modelBands("s2");
    const holes = s2(names, {
      bands: names.map((name) => ({ name, nodata: 7 })),
      value: (b, col) => (col === 3 && b === 2 ? 7 : s2Values[names[b]!]!),
    });
    const { s2: stack } = await (await scene([holes])).read([0, 0, 12, 8]);
    expect([...stack!.mask!.subarray(0, 5)]).toEqual([1, 1, 1, 0, 1]);
    expect(stack!.data[3]).toBeCloseTo(profiles.s2.bands[0]!.normalisation!.mean, 2);

    const nan = s1({ value: (b, col) => (col === 1 && b === 1 ? Number.NaN : b === 0 ? -10 : -17 + Math.sin(col)) });
    expect([...(await (await scene([nan])).read([0, 0, 3, 1])).s1!.mask!]).toEqual([1, 0, 1]);

    const masked = rgb({ mask: (col) => (col < 2 ? 0 : 1) });
    expect([
      ...(await (await scene([masked], { hrPixelsPerCell: 4 })).read([0, 0, 1, 1])).hr!.mask!.subarray(0, 4),
    ]).toEqual([0, 0, 1, 1]);
  });

  test("read: a fourth measured band that passes as alpha is no mask", async () => {
    const colours = ["red", "green", "blue", "alpha"];
    const aerial = rgb({
      bands: ["NIR", "R", "G", "B"].map((name, b) => ({ name, colour: colours[b] })),
      value: (b, col) => [150, 60, 80, 50][b]! + (col % 9),
      mask: () => 0,
    });
    const { hr } = await (await scene([aerial], { hrPixelsPerCell: 10 })).read([0, 0, 1, 1]);
    expect(hr!.bands).toEqual(["R", "G", "B", "NIR"]);
    expect(hr!.mask).toBeUndefined();
    expect([0, 1, 2, 3].map((b) => hr!.data[b * 100])).toEqual([60, 80, 50, 150]);
  });

  test("buildScene: a file without a valid pixel is refused", async () => {
    const empty = s2(undefined, { value: () => 0 });
    expect(await refused(scene([empty]))).toMatch(/^ALL_NODATA: .*s2_20200105\.tif/);
  });

  test("buildScene: one valid pixel in a large file is found", async () => {
    const bands = ["VV", "VH"].map((name) => ({ name, nodata: -99 }));
    const lone = s1({
      width: 900,
      height: 700,
      bands,
      value: (b, col, row) => (col === 777 && row === 234 ? -12 - b : -99),
    });
    expect((await scene([lone])).sensors[0]!.raw.VV!.max).toBe(-12);
  });
});

describe("series", () => {
  test("joinSeries: 10 m and 20 m bands of one date become one image, in the model's order", async () => {
    const ten = s2(bandOrders["10m"]!.bands, { path: "10m_20200105.tif" });
    const twenty = s2(bandOrders["20m"]!.bands, {
      path: "20m_20200105.tif",
      width: 6,
      height: 4,
      grid: utm(20),
      value: () => 2000,
    });
    const { s2: stack } = await (await scene([twenty, ten])).read([0, 0, 12, 8]);
    expect(stack!.bands).toEqual(modelBands("s2"));
    expect(stack!.shape).toEqual([1, 10, 8, 12]);
  });

  test("joinSeries: one file a band becomes one image, dated by its folder", async () => {
    const files = modelBands("s2").map((band) =>
      s2([band], { path: `S2A_MSIL2A_20170617T113321_36_85/${band}.tif`, bands: [{}] }),
    );
    const { s2: stack } = await (await scene(files)).read([0, 0, 1, 1]);
    expect(stack!.dates).toEqual(["2017-06-17T11:33:21Z"]);
    expect(stack!.bands).toEqual(modelBands("s2"));
  });

  test("joinSeries: two orbits join into one series, ascending", async () => {
    const opened = await scene([
      s1({ path: "des_20200103T053343.tif" }),
      s1({ path: "asc_20200102T170841.tif" }),
      s1({ path: "asc_20200103T170841.tif" }),
    ]);
    expect(opened.sensors[0]!.dates).toEqual([
      "2020-01-02T17:08:41Z",
      "2020-01-03T05:33:43Z",
      "2020-01-03T17:08:41Z",
    ]);
  });

  test("joinSeries: a date that lacks bands, and a second image without date, are refused", async () => {
    const short = s2(bandOrders["10m"]!.bands, { path: "s2_20200110.tif" });
    expect(await refused(scene([s2(), short]))).toMatch(/^BANDS_RAGGED: s2 has no B05.* on 2020-01-10.*s2_20200110/);
    expect(await refused(scene([rgb({ path: "a.tif" }), rgb({ path: "b.tif" })]))).toMatch(
      /^DATES_MISSING: .*a\.tif/,
    );
  });

  test("buildScene: maxDates and maxCloud leave dates out and say so", async () => {
    const files = Array.from({ length: 9 }, (_, i) => s2(undefined, { path: `s2_2020010${i + 1}.tif` }));
    const few = await scene(files, { maxDates: 3 });
    expect(few.sensors[0]!.dates).toEqual(["2020-01-01", "2020-01-05", "2020-01-09"]);
    expect(few.decisions).toContainEqual({
      sensor: "s2",
      what: "s2: 3 of 9 dates, evenly chosen",
      from: "option maxDates 3",
    });

    const classes = memoryRaster({
      path: "scl_20m.tif",
      width: 6,
      height: 4,
      bands: Array.from({ length: 9 }, (_, i) => ({ name: `2020-01-0${i + 1}` })),
      value: (b, col) => (col < b ? 9 : 4),
    });
    const clear = await scene([...files, classes], { maxCloud: 0.4 });
    expect(clear.sensors[0]!.dates).toEqual(["2020-01-01", "2020-01-02", "2020-01-03"]);
    expect(await refused(scene(files, { maxCloud: 0.4 }))).toMatch(/^CLOUDS_UNKNOWN/);
  });

  test("buildScene: keepBands takes fewer bands than the file has", async () => {
    const four = rgb({ bands: ["R", "G", "B", "NIR"].map((name) => ({ name })), value: (b, col) => 40 * b + col });
    const opened = await scene([four], { keepBands: { hr: ["R", "G", "B"] } });
    expect(opened.sensors[0]!.bands).toEqual(["R", "G", "B"]);
    expect(opened.decisions.map(({ what }) => what)).toContain("hr bands NIR left out");
  });
});

test("buildScene: a scene of 20,000 × 20,000 pixels is opened and read by small windows", async () => {
  let pixels = 0;
  const onRead: MemoryRaster["onRead"] = ({ window, bands }) => {
    pixels += window![2] * window![3] * bands!.length;
    expect(window![2] * window![3]).toBeLessThan(300_000);
  };
  const opened = await scene([rgb({ width: 20_000, height: 20_000, onRead })], { hrPixelsPerCell: 8 });
  await describeScene(opened);
  expect(opened.grid.width).toBe(2500);
  expect(pixels).toBeLessThan(2e6);
  pixels = 0;
  await opened.read([300, 300, 8, 8]);
  expect(pixels).toBe(3 * 64 * 64);
});

test("describe: shows what the model sees, in lines of at most 100 columns", async () => {
  const opened = await scene([rgb({ width: 400, height: 300, grid: utm(0.3) }), s2(), s1()], { hrPixelsPerCell: 16 });
  const described = await describeScene(opened);
  const [hr, sentinel2] = described.sensors;
  expect(hr).toMatchObject({ sensor: "hr", size: [192, 128], units: { files: "0-255", stack: "0–255" } });
  expect(sentinel2!.bands[0]!.name).toBe("B02");
  expect(sentinel2!.bands[0]!.normalised.mean).toBeCloseTo(
    (sentinel2!.bands[0]!.raw.mean - 884.29673756) / 1155.15170768,
    4,
  );
  expect(JSON.parse(JSON.stringify(described))).toEqual(JSON.parse(JSON.stringify(described)));
  const text = formatDescription(described);
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(text).toContain("sensor s2 ← band names B02, B03, B04, B05, … (s2_20200105.tif)");
});

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withGdal } from "../src/imagery/raster/gdal-session.node.ts";
import { cli } from "./support/cli.ts";
import { fractal, toBytes } from "./support/images.ts";
import { query, readFeatures } from "./support/outputs.ts";
import { writeTestTiff } from "./support/write-geotiff.ts";

/** What `skysense embed` leaves, read by others: GDAL, DuckDB, ajv, sharp. */

const [width, height] = [150, 132];
const origin = [600_000, 5_300_000] as const;
const timeout = 120_000;
let folder: string;
let out: string;
let command: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "skysense-test-"));
  out = `${folder}/out`;
  const grid = { width, height, epsg: 32632, origin };
  const light = fractal({ bands: 20, width, height }, { mean: 1500, spread: 600 });
  // A corner without data on both dates, and a date without its right third.
  const data = Uint16Array.from(light, (value, i) => {
    const [x, y, date] = [i % width, Math.floor(i / width) % height, Math.floor(i / (10 * width * height))];
    return (x < 20 && y < 30) || (date === 1 && x >= 100) ? 0 : Math.max(1, value);
  });
  const s2 = writeTestTiff(`${folder}/s2.tif`, { ...grid, data, bands: 20, nodata: 0 });
  const args = ["embed", s2, "--out", out, "--model", "tiny", "--s2.bands", "model"];
  args.push("--s2.dates", "2021-04-03,2021-07-12T10:30:00Z", "--s2.units", "reflectance*10000", "--s2.offset", "0");
  const run = await cli(...args);
  expect(run.stderr).not.toMatch(/skysense:/);
  expect(run.code).toBe(0);
  command = args.join(" ").replace("reflectance*10000", "'reflectance*10000'");
}, timeout);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("skysense embed: leaves its outputs and nothing else", () => {
  expect(readdirSync(out)).toEqual([
    "collection.json",
    "embeddings.parquet",
    "features.tif",
    "item.json",
    "model.json",
    "preview.png",
    "report.html",
  ]);
});

test(
  "features.tif: GDAL sees a COG on the scene's cells, with nodata and a scale and an offset a band",
  async () => {
    type Band = {
      type: string;
      block: number[];
      noDataValue: number;
      scale: number;
      offset: number;
      overviews?: { size: number[] }[];
    };
    type Info = {
      driverShortName: string;
      size: number[];
      geoTransform: number[];
      coordinateSystem: { wkt: string };
      metadata: Record<string, Record<string, string>>;
      bands: (Band & { description: string; min?: number })[];
    };
    const info = await withGdal(
      { input: out },
      undefined,
      (gdal) => gdal.info("/input/features.tif", ["-json", "-norat"]) as Promise<Info>,
    );
    expect(info.driverShortName).toBe("GTiff");
    expect(info.size).toEqual([width, height]);
    expect(info.geoTransform).toEqual([origin[0], 10, 0, origin[1], 0, -10]);
    expect(info.coordinateSystem.wkt).toContain('ID["EPSG",32632]');
    expect(info.metadata.IMAGE_STRUCTURE).toMatchObject({
      LAYOUT: "COG",
      COMPRESSION: "DEFLATE",
      INTERLEAVE: "PIXEL",
    });
    expect(info.metadata[""]).toMatchObject({ MODEL: "tiny" });
    expect(info.bands).toHaveLength(32);
    for (const [c, band] of info.bands.entries()) {
      expect(band).toMatchObject({ type: "Int8", block: [256, 256], noDataValue: -128, description: `feature ${c}` });
      expect(band.scale).toBeGreaterThan(0);
      expect(band.offset).toEqual(expect.any(Number));
      expect(band.overviews ?? []).toEqual([]); // smaller than a block; larger ones are held in write-cog's test
    }
  },
  timeout,
);

test("features.tif: cells without data are nodata, and no others", async () => {
  const { data, shape } = await readFeatures(`${out}/features.tif`);
  expect(shape).toEqual([32, height, width]);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    expect(Number.isNaN(data[i]), `cell ${x}, ${y}`).toBe(x < 20 && y < 30);
  }
});

describe("embeddings.parquet", () => {
  test("DuckDB reads one row a tile with geometry, dates and a vector, which is the mean of the map", async () => {
    const path = `${out}/embeddings.parquet`;
    const [across, down] = [Math.ceil(width / 32), Math.ceil(height / 32)];
    expect(await query(`select count(*)::int, count(geometry)::int, count(distinct id)::int from '${path}'`)).toEqual(
      [[across * down, across * down, across * down]],
    );
    const [first] = await query(
      `select id, tile.width, valid, s2_dates, len(vector)::int from '${path}' order by id`,
    );
    expect(first![0]).toBe("r0000c0000");
    expect(first![1]).toBe(32);
    expect(first![2]).toBeCloseTo(1 - (20 * 30) / 32 ** 2, 6);
    expect((first![3] as { items: string[] }).items).toEqual(["2021-04-03", "2021-07-12T10:30:00Z"]);
    expect(first![4]).toBe(32);

    const { data } = await readFeatures(`${out}/features.tif`);
    const rows = await query(`select tile.col, tile.row, tile.width, tile.height, vector from '${path}'`);
    for (const [col, row, w, h, vector] of rows as [number, number, number, number, { items: number[] }][]) {
      for (let c = 0; c < 32; c++) {
        let [sum, count] = [0, 0];
        for (let y = row; y < row + h; y++) {
          for (let x = col; x < col + w; x++) {
            const value = data[(c * height + y) * width + x]!;
            if (Number.isNaN(value)) continue;
            sum += value;
            count++;
          }
        }
        expect(vector.items[c]).toBeCloseTo(sum / count, 2);
      }
    }
  });

  test("the footer says geo and emb, and the footprints lie where the scene does", async () => {
    const path = `${out}/embeddings.parquet`;
    const footer = await query(`select key::varchar, value::varchar from parquet_kv_metadata('${path}')`);
    const keys = Object.fromEntries(footer) as Record<string, string>;
    const geo = JSON.parse(unhex(keys.geo!));
    expect(geo).toMatchObject({ version: "1.1.0", primary_column: "geometry" });
    expect(geo.columns.geometry).toMatchObject({ encoding: "WKB", geometry_types: ["Polygon"] });
    const emb = JSON.parse(unhex(keys.emb!));
    expect(emb).toMatchObject({ dimensions: 32, normalized: false, model: { name: "skysense-tiny" } });
    const box = await query(`select min(bbox.xmin), min(bbox.ymin), max(bbox.xmax), max(bbox.ymax) from '${path}'`);
    const [[left, top], [right, bottom]] = (await withGdal({ input: out }, undefined, (gdal) =>
      gdal.transform(
        [
          [origin[0], origin[1]],
          [origin[0] + width * 10, origin[1] - height * 10],
        ],
        ["-s_srs", "EPSG:32632", "-t_srs", "OGC:CRS84"],
      ),
    )) as [number[], number[]];
    const [west, south, east, north] = box[0] as number[];
    expect(west).toBeCloseTo(left!, 3);
    expect(north).toBeCloseTo(top!, 3);
    expect(east).toBeCloseTo(right!, 3);
    expect(south).toBeCloseTo(bottom!, 3);
  });
});

test.each([
  ["item.json", ["embedding.json", "raster-projection.json"]],
  ["collection.json", ["stac-collection.json"]],
  ["model.json", ["mlm.json"]],
])("%s: follows the schemas", (file, schemas) => {
  const ajv = new Ajv({ allErrors: true, strict: false });
  (formats as unknown as (ajv: Ajv) => void)(ajv);
  for (const name of readdirSync("test/schemas"))
    ajv.addSchema(JSON.parse(readFileSync(`test/schemas/${name}`, "utf8")));
  const document = JSON.parse(readFileSync(`${out}/${file}`, "utf8"));
  for (const schema of schemas) {
    ajv.validate(schema, document);
    expect(ajv.errors ?? []).toEqual([]);
  }
  const files = readdirSync(out);
  for (const href of JSON.stringify(document).matchAll(/"href":"\.\/([^"]+)"/g)) expect(files).toContain(href[1]);
});

test("preview.png: a picture of input and features side by side", async () => {
  const { width: wide, height: tall, format } = await sharp(`${out}/preview.png`).metadata();
  expect(format).toBe("png");
  expect(wide! / tall!).toBeCloseTo((2 * width) / height, 0);
  const { channels } = await sharp(`${out}/preview.png`).stats();
  for (const { stdev } of channels.slice(0, 3)) expect(stdev).toBeGreaterThan(10);
});

test("report.html: says sensors, dates, place and command, and loads nothing from elsewhere", () => {
  const html = readFileSync(`${out}/report.html`, "utf8");
  const loaded = [...html.matchAll(/(?:src|href|action|data|poster)\s*=\s*["']?([^"'\s>]*)/gi)].map(
    ([, url]) => url!,
  );
  expect(loaded.filter((url) => /^(https?:)?\/\//i.test(url))).toEqual([]);
  expect(html).not.toMatch(/@import|url\(\s*["']?(https?:)?\/\//i);
  expect(html).not.toMatch(/<script[^>]+src/i);
  const text = html.replace(/<[^>]+>/g, " ").replaceAll("&#39;", "'");
  expect(text).toContain("Sentinel-2");
  expect(text).toContain("2021-04-03");
  expect(text).toContain("2021-07-12");
  expect(text).toContain("s2.tif");
  expect(text).toContain("EPSG:32632");
  expect(text.replace(/\s+/g, " ")).toContain(`skysense ${command}`);
});

test(
  "skysense embed: a picture without georeference gives outputs in pixel coordinates, and says so once",
  async () => {
    const image = `${folder}/picture.png`;
    const pixels = toBytes(fractal({ bands: 1, height: 256, width: 320 }, { mean: 110, spread: 50 }));
    await sharp(pixels, { raw: { width: 320, height: 256, channels: 1 } })
      .toColourspace("srgb")
      .png()
      .toFile(image);
    const place = `${folder}/picture-out`;
    const run = await cli("embed", image, "--out", place, "--model", "tiny", "--type", "float16");
    expect(run.code).toBe(0);
    expect(run.stdout.match(/pixel coordinates/g)?.length).toBe(1);
    expect(JSON.parse(readFileSync(`${place}/item.json`, "utf8"))).toMatchObject({ geometry: null });
    type Info = {
      size: number[];
      bands: { type: string; noDataValue: unknown }[];
      coordinateSystem?: { wkt: string };
    };
    const info = await withGdal(
      { input: place },
      undefined,
      (gdal) => gdal.info("/input/features.tif", ["-json"]) as Promise<Info>,
    );
    expect(info.size).toEqual([10, 8]);
    expect(info.coordinateSystem?.wkt ?? "").toBe("");
    expect(info.bands[0]).toMatchObject({ type: "Float32", noDataValue: "NaN" });
  },
  timeout,
);

/** DuckDB shows bytes as \\x22 in text. */
function unhex(text: string): string {
  return text.replace(/\\x([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

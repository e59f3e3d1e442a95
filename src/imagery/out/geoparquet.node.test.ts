import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import type { EmbeddingMetadata } from "./description.ts";
import { footprint } from "./footprint.ts";
import { type EmbeddingRow, writeEmbeddings } from "./geoparquet.node.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "skysense-"));
});
afterAll(() => rm(dir, { recursive: true }));

const dimensions = 48;
const metadata: EmbeddingMetadata = {
  type: "chip",
  dimensions,
  data_type: "float32",
  normalized: false,
  model: {
    name: "skysense-nano",
    architecture: "Swin Transformer V2 + Vision Transformer",
    parameters: 7_000_000,
    weights: { sha256: "ab".repeat(32), random: true },
  },
  source_data: [
    {
      sensor: "s2",
      files: ["é 'quoted' \"S2\".tif"],
      bands: ["B02"],
      unit: "reflectance × 10000",
      dates: ["2023-05-17", "2023-06-01"],
      gsdMetres: 10,
      decisions: [],
    },
    { sensor: "s1", files: ["s1.tif"], bands: ["VV"], unit: "dB", dates: [undefined], decisions: ["date: unknown"] },
  ],
  chip_layout: { layout_type: "regular_grid", chip_size: [64, 64], stride: [48, 48] },
  software: "skysense 0.1.0",
};

function tiles(count: number, georeferenced: boolean): EmbeddingRow[] {
  const random = createRandom(1, "tiles");
  return Array.from({ length: count }, (_, i): EmbeddingRow => {
    const tile = [48 * i, 96, 64, 64] as const;
    const toLonLat = georeferenced ? ([x, y]: readonly [number, number]) => [x, y] as const : undefined;
    return {
      id: `r0002c${String(i).padStart(4, "0")}`,
      footprint: footprint({ transform: [0.001, 0, 4, 0, -0.001, 51], window: tile, toLonLat }),
      tile,
      dates: {
        s2: i === 0 ? ["2023-05-17"] : ["2023-05-17", "2023-06-01T10:30:00Z"],
        s1: i === 1 ? undefined : [undefined],
      },
      vector: Float32Array.from({ length: dimensions }, () => 10 * random.normal()),
      valid: i === 2 ? 0.5 : 1,
    };
  });
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const connection = await (await DuckDBInstance.create()).connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
  }
}

test("writeEmbeddings: DuckDB reads every column back", async () => {
  const path = join(dir, "embeddings.parquet");
  const rows = tiles(5, true);
  expect(await writeEmbeddings({ path, rows, georeferenced: true, metadata })).toBe(5);
  const read = await query(`SET TimeZone = 'UTC'; SELECT *, typeof(vector) AS type FROM '${path}' ORDER BY id`);
  expect(read).toHaveLength(5);
  expect(read[1]).toMatchObject({
    id: "r0002c0001",
    tile: { col: 48, row: 96, width: 64, height: 64 },
    start_datetime: "2023-05-17 00:00:00+00",
    end_datetime: "2023-06-01 10:30:00+00",
    s2_dates: ["2023-05-17", "2023-06-01T10:30:00Z"],
    s1_dates: null,
    valid: 1,
    type: "FLOAT[]",
  });
  expect(read[0]).toMatchObject({ s1_dates: [null], end_datetime: "2023-05-17 23:59:59+00" });
  expect(read.map(({ vector }) => Float32Array.from(vector as number[]))).toEqual(rows.map(({ vector }) => vector));
  const [near] = await query(
    `SELECT list_cosine_similarity(a.vector, b.vector) AS c FROM '${path}' a, '${path}' b
     WHERE a.id = 'r0002c0001' AND b.id = 'r0002c0001' AND b.bbox.xmin > 4.04`,
  );
  expect(near!.c).toBeCloseTo(1, 5);
});

test("writeEmbeddings: the footer holds GeoParquet 1.1 in longitude and latitude, and the embedding's description", async () => {
  const path = join(dir, "footer.parquet");
  await writeEmbeddings({ path, rows: tiles(3, true), georeferenced: true, metadata });
  const footer = await query(`SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata('${path}')`);
  const keys = Object.fromEntries(footer.map(({ key, value }) => [key, JSON.parse(value as string)]));
  expect(keys.emb).toEqual(JSON.parse(JSON.stringify(metadata)));
  const { bbox, ...column } = keys.geo.columns.geometry;
  expect(keys.geo).toMatchObject({ version: "1.1.0", primary_column: "geometry" });
  expect(column).toEqual({
    encoding: "WKB",
    geometry_types: ["Polygon"],
    orientation: "counterclockwise",
    edges: "planar",
    covering: {
      bbox: { xmin: ["bbox", "xmin"], ymin: ["bbox", "ymin"], xmax: ["bbox", "xmax"], ymax: ["bbox", "ymax"] },
    },
  });
  [4, 51 - 0.16, 4 + 0.16, 51 - 0.096].forEach((value, i) => {
    expect(bbox[i]).toBeCloseTo(value, 9);
  });
});

test("writeEmbeddings: hyparquet decodes the geometry by the geo key, and bbox covers it", async () => {
  const path = join(dir, "geometry.parquet");
  const rows = tiles(4, true);
  await writeEmbeddings({ path, rows, georeferenced: true, metadata });
  const file = await asyncBufferFromFile(path);
  const read = await parquetReadObjects({ file, columns: ["geometry", "bbox"] });
  read.forEach(({ geometry, bbox }, i) => {
    expect(geometry).toEqual(rows[i]!.footprint.geometry);
    expect([bbox.xmin, bbox.ymin, bbox.xmax, bbox.ymax]).toEqual(rows[i]!.footprint.bbox);
  });
});

test("writeEmbeddings: without georeference the coordinate system is null, which means unknown", async () => {
  const path = join(dir, "pixels.parquet");
  await writeEmbeddings({ path, rows: tiles(2, false), georeferenced: false, metadata });
  const { key_value_metadata } = await parquetMetadataAsync(await asyncBufferFromFile(path));
  const geo = JSON.parse(key_value_metadata!.find(({ key }) => key === "geo")!.value!);
  expect(geo.columns.geometry).toMatchObject({ crs: null, bbox: [0, 96, 112, 160] });
});

test("writeEmbeddings: no tile at all is a valid table", async () => {
  const path = join(dir, "empty.parquet");
  expect(await writeEmbeddings({ path, rows: [], georeferenced: true, metadata })).toBe(0);
  expect(await query(`SELECT count(*)::INT AS n FROM '${path}'`)).toEqual([{ n: 0 }]);
});

test("writeEmbeddings: a stream that breaks off leaves no file", async () => {
  const path = join(dir, "broken/embeddings.parquet");
  async function* rows() {
    yield* tiles(2, true);
    throw new Error("the reader stopped");
  }
  await expect(writeEmbeddings({ path, rows: rows(), georeferenced: true, metadata })).rejects.toThrow(
    "reader stopped",
  );
  expect(existsSync(path)).toBe(false);
  expect(await readdir(join(dir, "broken"))).toEqual([]);
});

import type { SchemaElement } from "hyparquet";
import { fileWriter, geojsonToWkb, parquetWriteRows } from "hyparquet-writer";
import type { Window } from "../../core/grid.ts";
import { type SensorName, sensorNames } from "../../core/place.ts";
import { replaceFile } from "../../core/write-atomic.node.ts";
import type { EmbeddingMetadata } from "./description.ts";
import type { Footprint } from "./footprint.ts";
import { timeSpan } from "./time-span.ts";

/** The vector of one tile. */
export interface EmbeddingRow {
  /** Unique in the file: "r0003c0012". */
  id: string;
  footprint: Footprint;
  tile: Window;
  /** The dates that this tile used, by sensor; a sensor that saw nothing of it is absent. */
  dates: { readonly [sensor in SensorName]?: readonly (string | undefined)[] };
  /** [dimensions], as the model gave it. */
  vector: Float32Array;
  /** Share of the tile's pixels that are not nodata, 0 to 1. */
  valid: number;
}

/** Bytes of vectors in a row group: what the writer holds at once, and what a reader fetches at least. */
const rowGroupBytes = 16e6;

/** Noise has no dictionary, and its least and greatest value help no query: both cost time. */
const vectorEncoding = { encoding: "PLAIN", statistics: false } as const;

/**
 * Write tile vectors as GeoParquet 1.1, one row a tile, under a name that appears only when the file is complete.
 *
 * Columns: `id`; `geometry` (WKB), `bbox` {xmin, ymin, xmax, ymax}; `tile` {col, row, width, height} in pixels;
 * `start_datetime`, `end_datetime` (UTC, null where no date is known); `hr_dates`, `s2_dates`, `s1_dates` for the
 * sensors of `metadata`; `valid`; `vector` list<float32>. Footer keys: `geo` (GeoParquet), `emb`.
 *
 * Geometry is in longitude and latitude (OGC:CRS84, GeoParquet's default, so no reader needs a projection library),
 * and `features.tif` beside it carries the grid's own coordinate system. Without georeference it is in pixels, and
 * `crs` is null, GeoParquet's word for "unknown".
 *
 * @param options.rows  May be a stream: no more than a row group (16 MB) is held.
 * @returns the number of rows
 * @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE`
 * @see https://github.com/opengeospatial/geoparquet/blob/v1.1.0/format-specs/geoparquet.md
 */
export async function writeEmbeddings(options: {
  path: string;
  rows: Iterable<EmbeddingRow> | AsyncIterable<EmbeddingRow>;
  /** False: footprints are in pixels. */
  georeferenced: boolean;
  metadata: EmbeddingMetadata;
  signal?: AbortSignal;
}): Promise<number> {
  const { path, rows, georeferenced, metadata, signal } = options;
  const used = new Set(metadata.source_data.map(({ sensor }) => sensor));
  const sensors = sensorNames.filter((sensor) => used.has(sensor));
  const schema = tableSchema(sensors);
  const geo: GeoKey = geoKey(georeferenced);
  const kvMetadata = [
    { key: "geo", value: "" },
    { key: "emb", value: JSON.stringify(metadata) },
  ];
  let count = 0;
  async function* table() {
    for await (const row of rows) {
      signal?.throwIfAborted();
      if (row.vector.length !== metadata.dimensions) {
        throw new Error(`internal: vector of ${row.vector.length} in a table of ${metadata.dimensions} dimensions`);
      }
      count++;
      extend(geo, row.footprint);
      yield record(row, sensors);
    }
    // The footer is written last, so the extent is known by now.
    kvMetadata[0]!.value = geoFooter(geo);
  }
  await replaceFile(path, async (part) => {
    await parquetWriteRows({
      writer: fileWriter(part),
      rows: table(),
      columns: topLevelNames(schema).map((name) => (name === "vector" ? { name, ...vectorEncoding } : { name })),
      schema,
      rowGroupSize: Math.max(1, Math.floor(rowGroupBytes / (4 * metadata.dimensions))),
      kvMetadata,
      createdBy: metadata.software,
    });
  });
  return count;
}

export interface GeoKey {
  encoding: "WKB";
  geometry_types: string[];
  /** Absent: OGC:CRS84. */
  crs?: null;
  orientation: "counterclockwise";
  edges: "planar";
  bbox?: [number, number, number, number];
  covering: { bbox: Record<"xmin" | "ymin" | "xmax" | "ymax", [string, string]> };
}

export function geoKey(georeferenced: boolean): GeoKey {
  return {
    encoding: "WKB",
    geometry_types: [],
    ...(georeferenced ? {} : { crs: null }),
    orientation: "counterclockwise",
    edges: "planar",
    covering: {
      bbox: { xmin: ["bbox", "xmin"], ymin: ["bbox", "ymin"], xmax: ["bbox", "xmax"], ymax: ["bbox", "ymax"] },
    },
  };
}

/** What the footer says of a geometry column is complete when all rows are known. */
export function geoFooter(geo: GeoKey): string {
  return JSON.stringify({
    version: "1.1.0",
    primary_column: "geometry",
    columns: { geometry: { ...geo, geometry_types: geo.geometry_types.sort() } },
  });
}

/** Grow the column's extent and types. A tile across the antimeridian makes the whole globe the extent's width. */
export function extend(geo: GeoKey, { geometry, bbox: [west, south, east, north] }: Footprint): void {
  if (!geo.geometry_types.includes(geometry.type)) geo.geometry_types.push(geometry.type);
  const [w, s, e, n] = west <= east ? [west, south, east, north] : [-180, south, 180, north];
  const b = geo.bbox;
  geo.bbox =
    b === undefined ? [w, s, e, n] : [Math.min(b[0], w), Math.min(b[1], s), Math.max(b[2], e), Math.max(b[3], n)];
}

function record(row: EmbeddingRow, sensors: readonly SensorName[]): Record<string, unknown> {
  const [xmin, ymin, xmax, ymax] = row.footprint.bbox;
  const [col, line, width, height] = row.tile;
  const span = timeSpan(sensors.flatMap((sensor) => row.dates[sensor] ?? []));
  return {
    id: row.id,
    geometry: geojsonToWkb(row.footprint.geometry),
    bbox: { xmin, ymin, xmax, ymax },
    tile: { col, row: line, width, height },
    start_datetime: span && new Date(span.start),
    end_datetime: span && new Date(span.end),
    ...Object.fromEntries(sensors.map((sensor) => [`${sensor}_dates`, row.dates[sensor]])),
    valid: row.valid,
    vector: Array.from(row.vector), // the writer takes lists as arrays only
  };
}

function tableSchema(sensors: readonly SensorName[]): SchemaElement[] {
  const columns: SchemaElement[][] = [
    [{ name: "id", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" }],
    [{ name: "geometry", type: "BYTE_ARRAY", repetition_type: "REQUIRED" }],
    struct("bbox", ["xmin", "ymin", "xmax", "ymax"], "DOUBLE"),
    struct("tile", ["col", "row", "width", "height"], "INT32"),
    [instant("start_datetime")],
    [instant("end_datetime")],
    ...sensors.map((sensor) =>
      list(`${sensor}_dates`, "OPTIONAL", {
        name: "element",
        type: "BYTE_ARRAY",
        converted_type: "UTF8",
        repetition_type: "OPTIONAL",
      }),
    ),
    [{ name: "valid", type: "FLOAT", repetition_type: "REQUIRED" }],
    list("vector", "REQUIRED", { name: "element", type: "FLOAT", repetition_type: "REQUIRED" }),
  ];
  return [{ name: "schema", num_children: columns.length }, ...columns.flat()];
}

export function struct(name: string, fields: readonly string[], type: "DOUBLE" | "INT32"): SchemaElement[] {
  return [
    { name, repetition_type: "REQUIRED", num_children: fields.length },
    ...fields.map((field): SchemaElement => ({ name: field, type, repetition_type: "REQUIRED" })),
  ];
}

/** An instant, null where it is not known; without the logical type, readers would take it for a local time. */
function instant(name: string): SchemaElement {
  return {
    name,
    type: "INT64",
    converted_type: "TIMESTAMP_MILLIS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
    repetition_type: "OPTIONAL",
  };
}

/** Parquet's three-level list, the only one that all readers take. */
function list(name: string, repetition: "OPTIONAL" | "REQUIRED", element: SchemaElement): SchemaElement[] {
  return [
    { name, repetition_type: repetition, num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    element,
  ];
}

export function topLevelNames(schema: readonly SchemaElement[]): string[] {
  const names: string[] = [];
  let inside = 0;
  for (const { name, num_children } of schema.slice(1)) {
    if (inside === 0) names.push(name);
    else inside--;
    inside += num_children ?? 0;
  }
  return names;
}

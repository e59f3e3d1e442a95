import type { SchemaElement } from "hyparquet";
import { fileWriter, geojsonToWkb, parquetWriteRows } from "hyparquet-writer";
import { replaceFile, writeAtomic } from "../../core/write-atomic.node.ts";
import type { Footprint } from "./footprint.ts";
import { extend, geoFooter, geoKey, struct } from "./geoparquet.node.ts";

/** Something on a map. */
export interface MapFeature {
  geometry: Footprint["geometry"];
  bbox: Footprint["bbox"];
  /** By the names of the columns. */
  properties: Readonly<Record<string, string | number | undefined>>;
}

/** What features say of themselves, in this order. */
export type FeatureColumns = Readonly<Record<string, "text" | "integer" | "number">>;

/**
 * Write features as GeoParquet 1.1 (`.parquet`) or GeoJSON (any other ending), under a name that appears only when the
 * file is complete. Geometry is in longitude and latitude, or in pixels without georeference.
 *
 * @returns the number of features
 * @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE`
 */
export async function writeFeatureTable(options: {
  path: string;
  features: Iterable<MapFeature> | AsyncIterable<MapFeature>;
  columns: FeatureColumns;
  /** False: geometry is in pixels. */
  georeferenced: boolean;
  software: string;
  signal?: AbortSignal | undefined;
}): Promise<number> {
  return options.path.endsWith(".parquet") ? writeParquet(options) : writeGeoJson(options);
}

type Options = Parameters<typeof writeFeatureTable>[0];

async function writeGeoJson({ path, features, columns, georeferenced, signal }: Options): Promise<number> {
  let count = 0;
  const encoder = new TextEncoder();
  async function* pieces() {
    const note = georeferenced ? "" : '"description":"coordinates are pixels: columns and rows",';
    yield encoder.encode(`{"type":"FeatureCollection",${note}"features":[`);
    for await (const { geometry, bbox, properties } of features) {
      const own = Object.fromEntries(Object.keys(columns).map((name) => [name, properties[name] ?? null]));
      const feature = { type: "Feature", id: count, bbox, geometry, properties: own };
      yield encoder.encode(`${count++ === 0 ? "" : ","}\n${JSON.stringify(feature)}`);
    }
    yield encoder.encode("\n]}\n");
  }
  await writeAtomic(path, pieces(), signal === undefined ? {} : { signal });
  return count;
}

const parquetTypes = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  integer: { type: "INT32" },
  number: { type: "DOUBLE" },
} as const;

async function writeParquet({ path, features, columns, georeferenced, software, signal }: Options): Promise<number> {
  const geo = geoKey(georeferenced);
  const kvMetadata = [{ key: "geo", value: "" }];
  const names = Object.keys(columns);
  const fields: SchemaElement[][] = [
    ...names.map((name) => [{ name, ...parquetTypes[columns[name]!], repetition_type: "OPTIONAL" } as const]),
    [{ name: "geometry", type: "BYTE_ARRAY", repetition_type: "REQUIRED" }],
    struct("bbox", ["xmin", "ymin", "xmax", "ymax"], "DOUBLE"),
  ];
  let count = 0;
  async function* rows() {
    for await (const { geometry, bbox, properties } of features) {
      signal?.throwIfAborted();
      count++;
      extend(geo, { geometry, bbox });
      const [xmin, ymin, xmax, ymax] = bbox;
      yield { ...properties, geometry: geojsonToWkb(geometry), bbox: { xmin, ymin, xmax, ymax } };
    }
    kvMetadata[0]!.value = geoFooter(geo);
  }
  await replaceFile(path, async (part) => {
    await parquetWriteRows({
      writer: fileWriter(part),
      rows: rows(),
      columns: [...names, "geometry", "bbox"].map((name) => ({ name })),
      schema: [{ name: "schema", num_children: fields.length }, ...fields.flat()],
      kvMetadata,
      createdBy: software,
    });
  });
  return count;
}

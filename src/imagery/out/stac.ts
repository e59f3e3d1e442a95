import type { Grid } from "../../core/grid.ts";
import { pixelToWorld } from "../../core/grid.ts";
import type { ModelDescription, SourceDescription } from "./description.ts";
import type { Footprint } from "./footprint.ts";
import { timeSpan } from "./time-span.ts";

/**
 * The Embedding extension's published schema takes STAC 1.0.0 only (it embeds the core schemas of that version), so its
 * items and collections say 1.0.0 and describe bands through the raster extension. Every reader of 1.1 reads them.
 */
const stacVersion = "1.0.0";

const extensions = {
  embedding: "https://stac-extensions.github.io/embeddings/v0.0.1/schema.json",
  processing: "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
  projection: "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
  raster: "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
  itemAssets: "https://stac-extensions.github.io/item-assets/v1.0.0/schema.json",
} as const;

const mediaTypes = {
  cog: "image/tiff; application=geotiff; profile=cloud-optimized",
  parquet: "application/vnd.apache.parquet",
  json: "application/json",
  geojson: "application/geo+json",
  png: "image/png",
  html: "text/html",
} as const;

/** `features.tif`. */
export interface FeatureRaster {
  href: string;
  /** Grid of the features, not of the images. */
  grid: Grid;
  dimensions: number;
  dataType: "int8" | "float16" | "float32";
  nodata?: number | "nan";
  /** value = stored · scale + offset, one number a band; absent: values are stored as they are. */
  scale?: readonly number[];
  offset?: readonly number[];
  /** Metres on the ground a feature; absent: no georeference. */
  gsdMetres?: number;
}

/** `embeddings.parquet`. */
export interface VectorTable {
  href: string;
  dimensions: number;
  /** Pixels, [height, width]. */
  tile: readonly [height: number, width: number];
  stride: readonly [rows: number, cols: number];
}

/** One run of `embed`: what item and collection are made from. At least one of `features` and `vectors` is there. */
export interface EmbeddingProduct {
  /** Also the file-safe name: letters, digits, "-", "_", ".". */
  id: string;
  title: string;
  /** When the features were computed, RFC 3339 in UTC. */
  created: string;
  /** In longitude and latitude; absent: the images have no georeference. */
  footprint?: Footprint;
  features?: FeatureRaster;
  vectors?: VectorTable;
  previewHref?: string;
  reportHref?: string;
  /** Relative to the item: "model.json". */
  modelHref: string;
  model: ModelDescription;
  sources: readonly SourceDescription[];
  /** Options of the run, as the user gave them. */
  parameters: Readonly<Record<string, unknown>>;
  /** What was done to the images before the model saw them. */
  preprocessing: readonly string[];
  device: { type: "cpu" | "gpu"; name?: string; seconds: number };
  /** "skysense 0.1.0". */
  software: string;
}

export type Json = Record<string, unknown>;

/**
 * The STAC item of an embedding (`item.json`): Embedding extension v0.0.1, with projection, raster and processing.
 *
 * The asset that the extension names `embeddings` is the dense raster where there is one (type `pixel`), else the
 * table of tile vectors (type `chip`). `emb:type` and `emb:dimensions` stand in the collection: the extension's schema
 * allows them nowhere else.
 *
 * `skysense:sources` says of each sensor what no STAC field has room for: dates, bands, unit, what was assumed and how
 * that is known.
 *
 * Without georeference `geometry` is null and `bbox` absent, as STAC has it. Where no date is known, `datetime` is null
 * and the range runs from 1900 to `created`, the narrowest that is surely true; a made-up date would be found, and
 * believed, by every search.
 *
 * @see https://github.com/geo-embeddings/embeddings-stac-specification
 * @see https://github.com/radiantearth/stac-spec/blob/v1.0.0/item-spec/item-spec.md
 */
export function embeddingItem(product: EmbeddingProduct): Json {
  const { features, vectors, footprint, device } = product;
  const quantization = features && quantizationOf(features);
  return {
    stac_version: stacVersion,
    stac_extensions: [
      extensions.embedding,
      extensions.processing,
      ...(features ? [extensions.raster] : []),
      ...(features?.grid.crs ? [extensions.projection] : []),
    ],
    type: "Feature",
    id: product.id,
    collection: collectionId(product),
    ...(footprint ? { bbox: plainBox(footprint), geometry: footprint.geometry } : { geometry: null }),
    properties: {
      title: product.title,
      ...times(product),
      created: product.created,
      ...(gsd(product) === undefined ? {} : { gsd: gsd(product) }),
      "processing:level": "L4",
      "processing:datetime": product.created,
      "processing:software": versions(product.software),
      "emb:runtime_parameters": { ...product.parameters, ...(features && vectors ? { tiles: layout(vectors) } : {}) },
      "emb:preprocessing": { format: "text", expression: product.preprocessing },
      ...(quantization ? { "emb:quantization": quantization } : {}),
      "emb:energy": {
        device_type: device.type,
        inference_duration_s: device.seconds,
        ...(device.name === undefined ? {} : { name: device.name }),
      },
      ...(features ? projection(features.grid) : {}),
      "skysense:sources": product.sources.map(({ dates, ...source }) => ({
        ...source,
        dates: dates.map((date) => date ?? null),
      })),
    },
    links: [
      { rel: "root", href: "./collection.json", type: mediaTypes.json },
      { rel: "parent", href: "./collection.json", type: mediaTypes.json },
      { rel: "collection", href: "./collection.json", type: mediaTypes.json },
      modelLink("emb:model", product),
      { ...modelLink("derived_from", product), "mlm:name": product.model.name, "processing:level": "L4" },
      ...sourceLinks(product.sources),
    ],
    assets: assets(product),
  };
}

/**
 * The STAC collection of one embedding item (`collection.json`): the fields that the Embedding extension requires there
 * (`emb:type`, `emb:dimensions`, `data_type`, links to model and source data) and the extent.
 *
 * STAC requires an extent: without georeference it is the whole globe, without dates it is open at both ends.
 *
 * @param options.license  SPDX identifier; default: "proprietary", STAC 1.0's word for "none of SPDX's", because an
 *   embedding falls under the terms of its images, which no file states.
 */
export function embeddingCollection(product: EmbeddingProduct, options: { license?: string } = {}): Json {
  const { features, vectors, footprint } = product;
  const type = features ? "pixel" : "chip";
  const dimensions = (features ?? vectors)!.dimensions;
  const dataType = features?.dataType ?? "float32";
  const span = timeSpan(product.sources.flatMap(({ dates }) => dates));
  const sensors = [...new Set(product.sources.map(({ sensor }) => sensor.toUpperCase()))].join(", ");
  return {
    stac_version: stacVersion,
    stac_extensions: [extensions.embedding, extensions.itemAssets],
    type: "Collection",
    id: collectionId(product),
    title: product.title,
    description: `Features of ${sensors} imagery from the model ${product.model.name}${
      product.model.weights.random ? ", whose weights are random" : ""
    }.`,
    license: options.license ?? "proprietary",
    extent: {
      spatial: { bbox: [footprint ? plainBox(footprint) : [-180, -90, 180, 90]] },
      temporal: { interval: [span ? [span.start, span.end] : [null, null]] },
    },
    "emb:type": type,
    "emb:dimensions": dimensions,
    data_type: dataType,
    ...(gsd(product) === undefined ? {} : { gsd: gsd(product) }),
    ...(type === "chip" ? { "emb:chip_layout": layout(vectors!) } : {}),
    "emb:fit_for_use": ["retrieval", "classification", "segmentation", "change_detection"],
    summaries: { "emb:type": [type], "emb:dimensions": [dimensions], data_type: [dataType] },
    item_assets: { embeddings: itemAsset(product) },
    links: [
      { rel: "root", href: "./collection.json", type: mediaTypes.json },
      { rel: "item", href: "./item.json", type: mediaTypes.geojson },
      modelLink("emb:model", product),
      ...sourceLinks(product.sources),
    ],
  };
}

/** One collection a run: its id is the item's with a suffix. */
function collectionId({ id }: EmbeddingProduct): string {
  return `${id}-embeddings`;
}

function gsd({ features, sources }: EmbeddingProduct): number | undefined {
  return features?.gsdMetres ?? sources.find(({ gsdMetres }) => gsdMetres !== undefined)?.gsdMetres;
}

function times({ sources, created }: EmbeddingProduct): Json {
  const span = timeSpan(sources.flatMap(({ dates }) => dates));
  if (span === undefined) return { datetime: null, start_datetime: "1900-01-01T00:00:00Z", end_datetime: created };
  if (span.start === span.end) return { datetime: span.start };
  const oneDay = span.start.slice(0, 10) === span.end.slice(0, 10);
  return { datetime: oneDay ? span.start : null, start_datetime: span.start, end_datetime: span.end };
}

/** "skysense 0.1.0" → { skysense: "0.1.0" }. */
function versions(software: string): Json {
  const [name, version] = software.split(" ");
  return { [name!]: version ?? "" };
}

function layout({ tile, stride }: VectorTable): Json {
  return { layout_type: "regular_grid", chip_size: tile, stride };
}

function quantizationOf({ scale, offset, dataType }: FeatureRaster): Json | undefined {
  if (scale === undefined && offset === undefined && dataType === "float32") return undefined;
  return {
    method: dataType === "int8" ? "linear" : "rounding",
    original_dtype: "float32",
    quantized_dtype: dataType,
    ...(scale ? { scale } : {}),
    ...(offset ? { offset } : {}),
  };
}

/** RFC 7946 lets west exceed east at the antimeridian, and STAC takes it over. */
function plainBox({ bbox }: Footprint): number[] {
  return [...bbox];
}

function projection({ crs, transform, width, height }: Grid): Json {
  if (crs === undefined) return {};
  const xy = ([0, width] as const).flatMap((col) =>
    ([0, height] as const).map((row) => pixelToWorld(transform, [col, row])),
  );
  const [xs, ys] = [xy.map(([x]) => x), xy.map(([, y]) => y)];
  return {
    ...(/^EPSG:\d+$/.test(crs) ? { "proj:code": crs } : { "proj:code": null }),
    // WKT 2 only: the field has no room for WKT 1 or a PROJ string.
    ...(/^(PROJ|GEOG|GEOD|BOUND|COMPOUND)CRS\[/.test(crs) ? { "proj:wkt2": crs } : {}),
    "proj:shape": [height, width],
    "proj:transform": transform,
    "proj:bbox": [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
  };
}

function modelLink(rel: string, { modelHref, model }: EmbeddingProduct): Json {
  return { rel, href: href(modelHref), type: mediaTypes.geojson, title: model.name };
}

/** One link a file; the collection needs at least one, and a place has at least one image. */
function sourceLinks(sources: readonly SourceDescription[]): Json[] {
  return sources.flatMap(({ sensor, files }) =>
    files.map((file) => ({ rel: "emb:source-data", href: href(file), title: `${sensor.toUpperCase()} image` })),
  );
}

/** A URL stays; a path becomes a URL reference, with what a URL does not hold escaped. */
function href(pathOrUrl: string): string {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(pathOrUrl)) return pathOrUrl;
  const path = pathOrUrl.replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? `file://${path}` : path.startsWith(".") ? path : `./${path}`;
}

function assets(product: EmbeddingProduct): Json {
  const { features, vectors, previewHref, reportHref } = product;
  const raster = features && {
    href: href(features.href),
    type: mediaTypes.cog,
    title: `Dense features, ${features.dimensions} bands`,
    roles: ["data"],
    "raster:bands": Array.from({ length: features.dimensions }, (_, band) => rasterBand(features, band)),
  };
  const table = vectors && {
    href: href(vectors.href),
    type: mediaTypes.parquet,
    title: `Tile vectors, ${vectors.dimensions} numbers each`,
    roles: ["data"],
  };
  return {
    embeddings: raster ?? table,
    ...(raster && table ? { vectors: table } : {}),
    ...(previewHref === undefined
      ? {}
      : {
          preview: {
            href: href(previewHref),
            type: mediaTypes.png,
            title: "Input beside three principal components",
            roles: ["overview"],
          },
        }),
    ...(reportHref === undefined
      ? {}
      : { report: { href: href(reportHref), type: mediaTypes.html, title: "Report", roles: ["metadata"] } }),
  };
}

function rasterBand({ dataType, nodata, scale, offset, gsdMetres }: FeatureRaster, band: number): Json {
  return {
    data_type: dataType,
    sampling: "area",
    ...(nodata === undefined ? {} : { nodata }),
    ...(scale ? { scale: scale[band] } : {}),
    ...(offset ? { offset: offset[band] } : {}),
    ...(gsdMetres === undefined ? {} : { spatial_resolution: gsdMetres }),
  };
}

function itemAsset({ features }: EmbeddingProduct): Json {
  return features
    ? { type: mediaTypes.cog, title: "Dense features", roles: ["data"] }
    : { type: mediaTypes.parquet, title: "Tile vectors", roles: ["data"] };
}

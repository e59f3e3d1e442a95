import { readdirSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { expect, test } from "vitest";
import { footprint } from "./footprint.ts";
import { type EmbeddingProduct, embeddingCollection, embeddingItem, type Json } from "./stac.ts";
import { modelItem } from "./stac-model.ts";

const ajv = new Ajv({ allErrors: true, strict: false });
(formats as unknown as (ajv: Ajv) => void)(ajv);
for (const name of readdirSync("test/schemas")) {
  ajv.addSchema(JSON.parse(readFileSync(`test/schemas/${name}`, "utf8")));
}

/** What a schema says against a document, after its way through JSON. */
function errors(schema: string, document: unknown): string[] {
  ajv.validate(schema, JSON.parse(JSON.stringify(document)));
  return (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const itemErrors = (item: unknown) => [...errors("embedding.json", item), ...errors("raster-projection.json", item)];

const product: EmbeddingProduct = {
  id: "blue-marble",
  title: "Blue Marble",
  created: "2026-11-24T12:00:00Z",
  footprint: footprint({
    transform: [0.1, 0, -180, 0, -0.1, 90],
    window: [0, 0, 3600, 1800],
    toLonLat: (p) => p,
  }),
  features: {
    href: "features.tif",
    grid: { crs: "EPSG:4326", transform: [0.8, 0, -180, 0, -0.8, 90], width: 450, height: 225 },
    dimensions: 4,
    dataType: "int8",
    nodata: -128,
    scale: [0.1, 0.2, 0.3, 0.4],
    offset: [0, 1, -1, 0],
    gsdMetres: 78_000,
  },
  vectors: { href: "embeddings.parquet", dimensions: 16, tile: [64, 64], stride: [48, 48] },
  previewHref: "preview.png",
  reportHref: "report.html",
  modelHref: "model.json",
  model: {
    name: "skysense-nano",
    architecture: "Swin Transformer V2",
    parameters: 7_000_000,
    weights: { sha256: "ab".repeat(32), random: true },
  },
  sources: [
    {
      sensor: "hr",
      files: ["/data/100 % <b>earth</b> #1?.jpg", "https://example.org/a.tif?sig=1"],
      bands: ["R", "G", "B"],
      unit: "0–255",
      dates: ["2004-07"],
      gsdMetres: 9_800,
      decisions: [],
    },
  ],
  parameters: { tile: 64, overlap: 16 },
  preprocessing: ["0–255 minus the mean, divided by the deviation"],
  device: { type: "cpu", seconds: 12.5 },
  software: "skysense 0.1.0",
};
const { features: _features, ...chips } = product;
const { footprint: _footprint, ...nowhere } = product;
const pixelGrid = { crs: undefined, transform: [8, 0, 0, 0, 8, 0], width: 450, height: 225 } as const;

const model = modelItem({
  model: product.model,
  inputs: [
    {
      name: "hr",
      bands: ["R", "G", "B"],
      unit: "0–255",
      shape: [-1, 3, -1, -1],
      axes: ["batch", "channel", "height", "width"],
      normalisation: [
        { mean: 123.675, std: 58.395 },
        { mean: 116.28, std: 57.12 },
        { mean: 103.53, std: 57.375 },
      ],
    },
  ],
  outputs: [{ name: "vector", shape: [-1, 16], axes: ["batch", "channel"], description: "One vector a tile." }],
  hyperparameters: { seed: 0 },
  created: product.created,
});

test("embeddingItem: a dense raster with tile vectors validates, and quantisation, projection and bands agree", () => {
  const item = embeddingItem(product);
  expect(itemErrors(item)).toEqual([]);
  expect(item.properties).toMatchObject({
    datetime: null,
    start_datetime: "2004-07-01T00:00:00Z",
    end_datetime: "2004-07-31T23:59:59Z",
    "emb:quantization": {
      method: "linear",
      original_dtype: "float32",
      quantized_dtype: "int8",
      scale: [0.1, 0.2, 0.3, 0.4],
      offset: [0, 1, -1, 0],
    },
    "proj:code": "EPSG:4326",
    "proj:bbox": [-180, -90, 180, 90],
    "proj:shape": [225, 450],
  });
  expect(Object.keys(item.assets as Json)).toEqual(["embeddings", "vectors", "preview", "report"]);
});

test("embeddingItem: the tile vectors alone are chips", () => {
  const item = embeddingItem(chips);
  expect(itemErrors(item)).toEqual([]);
  expect(item.assets).toMatchObject({ embeddings: { href: "./embeddings.parquet" } });
  expect(item.properties).not.toHaveProperty("emb:quantization");
  const collection = embeddingCollection(chips);
  expect(errors("embedding.json", collection)).toEqual([]);
  expect(collection).toMatchObject({
    "emb:type": "chip",
    "emb:dimensions": 16,
    data_type: "float32",
    "emb:chip_layout": { layout_type: "regular_grid", chip_size: [64, 64], stride: [48, 48] },
  });
});

test("embeddingItem: without georeference geometry is null, and there is no bbox and no projection", () => {
  const item = embeddingItem({
    ...nowhere,
    features: { ...product.features!, grid: pixelGrid, gsdMetres: undefined },
  });
  expect(itemErrors(item)).toEqual([]);
  expect(item.geometry).toBeNull();
  expect(item).not.toHaveProperty("bbox");
  expect(JSON.stringify(item)).not.toContain("proj:");
  expect(embeddingCollection(nowhere).extent).toMatchObject({ spatial: { bbox: [[-180, -90, 180, 90]] } });
});

test("embeddingItem: without dates the range ends when it was made, and the collection's is open", () => {
  const undated = { ...product, sources: product.sources.map((source) => ({ ...source, dates: [undefined] })) };
  const item = embeddingItem(undated);
  expect(itemErrors(item)).toEqual([]);
  expect(item.properties).toMatchObject({
    datetime: null,
    start_datetime: "1900-01-01T00:00:00Z",
    end_datetime: "2026-11-24T12:00:00Z",
  });
  const collection = embeddingCollection(undated);
  expect(errors("embedding.json", collection)).toEqual([]);
  expect(collection.extent).toMatchObject({ temporal: { interval: [[null, null]] } });
});

test("embeddingItem: an instant is a datetime, a day is a datetime with its range", () => {
  const dated = (date: string) =>
    embeddingItem({ ...product, sources: [{ ...product.sources[0]!, dates: [date] }] }).properties as Json;
  expect(dated("2023-05-17T10:30:00Z")).toMatchObject({ datetime: "2023-05-17T10:30:00Z" });
  expect(dated("2023-05-17T10:30:00Z")).not.toHaveProperty("start_datetime");
  expect(dated("2023-05-17")).toMatchObject({
    datetime: "2023-05-17T00:00:00Z",
    start_datetime: "2023-05-17T00:00:00Z",
    end_datetime: "2023-05-17T23:59:59Z",
  });
});

test("embeddingItem: paths become URL references that decode to the path again, and URLs stay", () => {
  const links = embeddingItem(product).links as { rel: string; href: string }[];
  const [path, url] = links.filter(({ rel }) => rel === "emb:source-data").map(({ href }) => href);
  expect(decodeURIComponent(new URL(path!).pathname)).toBe("/data/100 % <b>earth</b> #1?.jpg");
  expect(url).toBe("https://example.org/a.tif?sig=1");
});

test("embeddingItem: a scene across the antimeridian validates as two polygons", () => {
  const crossing = footprint({ transform: [0.1, 0, 175, 0, -0.1, -10], window: [0, 0, 100, 50], toLonLat: (p) => p });
  const item = embeddingItem({ ...product, footprint: crossing });
  expect(itemErrors(item)).toEqual([]);
  expect(item).toMatchObject({ geometry: { type: "MultiPolygon" }, bbox: [175, -15, -175, -10] });
});

test("embeddingCollection: a dense raster validates and says what its vectors are", () => {
  const collection = embeddingCollection(product);
  expect(errors("embedding.json", collection)).toEqual([]);
  expect(collection).toMatchObject({ "emb:type": "pixel", "emb:dimensions": 4, data_type: "int8", gsd: 78_000 });
  expect(collection.description).toContain("whose weights are random");
});

test("embeddingItem and embeddingCollection point at each other by id and link", () => {
  const item = embeddingItem(product);
  expect(item.collection).toBe(embeddingCollection(product).id);
  expect(item.links).toContainEqual({ rel: "collection", href: "./collection.json", type: "application/json" });
});

test("modelItem: random and trained weights validate", () => {
  expect(errors("mlm.json", model)).toEqual([]);
  expect(model.properties).toMatchObject({ "mlm:pretrained": false, "mlm:pretrained_source": null });
  const trained = modelItem({
    model: { ...product.model, weights: { sha256: "cd".repeat(32), random: false, trainedOn: "hr-unlabelled" } },
    inputs: [],
    outputs: [],
    hyperparameters: {},
    created: product.created,
    weightsHref: "nano.safetensors",
  });
  // No input has bands, and the schema wants some described: the only complaint.
  expect(errors("mlm.json", trained)).toEqual(["/properties/bands must NOT have fewer than 1 items"]);
  expect(trained.assets).toMatchObject({ model: { "file:checksum": `1220${"cd".repeat(32)}` } });
});

/** Every document without one of its required parts, with the name of the part. */
const required: [schema: string, document: Json, paths: string[]][] = [
  [
    "embedding.json",
    embeddingItem(product),
    [
      "type",
      "stac_version",
      "stac_extensions",
      "id",
      "geometry",
      "bbox",
      "properties",
      "links",
      "assets",
      "properties.datetime",
      "properties.start_datetime",
      "properties.end_datetime",
      "assets.embeddings",
      "assets.embeddings.href",
      "links.0.href",
      "links.0.rel",
      "properties.emb:quantization.method",
      "properties.emb:quantization.original_dtype",
      "properties.emb:preprocessing.format",
      "properties.emb:preprocessing.expression",
    ],
  ],
  [
    "embedding.json",
    embeddingCollection(chips),
    [
      "type",
      "stac_version",
      "stac_extensions",
      "id",
      "description",
      "license",
      "extent",
      "links",
      "emb:type",
      "emb:dimensions",
      "data_type",
      "extent.spatial",
      "extent.temporal",
      "extent.spatial.bbox",
      "extent.temporal.interval",
      "emb:chip_layout.layout_type",
    ],
  ],
  [
    "mlm.json",
    model,
    [
      "stac_extensions",
      "properties.mlm:name",
      "properties.mlm:architecture",
      "properties.mlm:tasks",
      "properties.mlm:input",
      "properties.mlm:output",
      "properties.mlm:pretrained_source",
      "properties.bands",
      "properties.mlm:input.0.name",
      "properties.mlm:input.0.bands",
      "properties.mlm:input.0.input",
      "properties.mlm:input.0.input.shape",
      "properties.mlm:input.0.input.dim_order",
      "properties.mlm:input.0.input.data_type",
      "properties.mlm:output.0.name",
      "properties.mlm:output.0.tasks",
      "properties.mlm:output.0.result",
      "assets.model",
      "assets.model.roles",
      "assets.model.mlm:artifact_type",
    ],
  ],
];

test.each(
  required.flatMap(([schema, document, paths]) =>
    paths.map((path) => [schema, document.type, path, document] as const),
  ),
)("%s: a %s without %s fails", (schema, _type, path, document) => {
  const copy = JSON.parse(JSON.stringify(document));
  const keys = path.split(".");
  const last = keys.pop()!;
  const parent = keys.reduce((node, key) => node[key], copy);
  expect(parent).toHaveProperty([last]);
  delete parent[last];
  expect(errors(schema, copy)).not.toEqual([]);
});

test.each([
  ["emb:type in an item", { properties: { "emb:type": "pixel" } }],
  ["emb:dimensions in an item", { properties: { "emb:dimensions": 4 } }],
  ["core version 1.1", { stac_version: "1.1.0" }],
  ["a local time", { properties: { datetime: "2023-05-17T10:30:00+02:00" } }],
  ["a bbox without a geometry", { geometry: null }],
  ["an unknown field of the quantisation", { properties: { "emb:quantization": { nodata: -128 } } }],
  [
    "projection fields without their extension",
    { stac_extensions: ["https://stac-extensions.github.io/embeddings/v0.0.1/schema.json"] },
  ],
])("embedding schemas refuse %s", (_name, change) => {
  const item = JSON.parse(JSON.stringify(embeddingItem(product)));
  for (const [key, value] of Object.entries(change)) {
    item[key] =
      value !== null && !Array.isArray(value) && typeof value === "object" ? merge(item[key], value) : value;
  }
  expect(itemErrors(item)).not.toEqual([]);
});

function merge(into: Json, from: Json): Json {
  const out = { ...into };
  for (const [key, value] of Object.entries(from)) {
    const nested = typeof value === "object" && value !== null && typeof out[key] === "object" && out[key] !== null;
    out[key] = nested ? merge(out[key] as Json, value as Json) : value;
  }
  return out;
}

test("embeddingItem: says of each sensor its dates, bands, unit and what was assumed", () => {
  const [hr] = product.sources;
  const sources = [{ ...hr!, dates: ["2004-07", undefined], decisions: ["a.jpg: units 0-255 (type uint8)"] }];
  const item = embeddingItem({ ...product, sources }) as { properties: Json };
  expect(item.properties["skysense:sources"]).toEqual([{ ...sources[0], dates: ["2004-07", null] }]);
  expect(itemErrors(item)).toEqual([]);
});

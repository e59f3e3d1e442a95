import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { LongCall } from "../core/progress.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import { writeEmbeddings } from "../imagery/out/geoparquet.node.ts";
import { type EmbeddingProduct, embeddingCollection, embeddingItem } from "../imagery/out/stac.ts";
import { modelItem } from "../imagery/out/stac-model.ts";
import { gsdMetres } from "../imagery/scene/crs.ts";
import type { Scene } from "../imagery/scene/scene.ts";
import { profiles } from "../imagery/sensor/profiles.ts";
import { embedReport } from "../report/embed-report.ts";
import { trueColour } from "../report/picture.ts";
import { renderPreview } from "../report/preview.node.ts";
import type { BlendedScene } from "./blend-scene.node.ts";
import { describeModel, modelSignature } from "./describe-model.ts";
import { footprintOf, pictureTitle, sensorReports, sourcesOf, titleOf } from "./describe-scene.ts";
import type { SkySense } from "./model.ts";
import { software } from "./software.ts";
import { pictureOfFeatures, summarise } from "./summarise.node.ts";
import { type FeatureType, writeFeatures } from "./write-features.node.ts";

export interface OutputOptions extends LongCall {
  scene: Scene;
  model: SkySense;
  features: BlendedScene;
  /** In cells. */
  windows: { window: number; overlap: number; tile: number };
  out: string;
  dataType: FeatureType;
  command: string;
  device: { type: "cpu" | "gpu"; name: string };
  parameters: Readonly<Record<string, unknown>>;
}

const names = {
  features: "features.tif",
  embeddings: "embeddings.parquet",
  item: "item.json",
  collection: "collection.json",
  model: "model.json",
  preview: "preview.png",
  report: "report.html",
} as const;

/** Write everything that a run leaves; each file is replaced only when its successor is complete. */
export async function writeOutputs(options: OutputOptions) {
  const { scene, model, features, out, command, signal } = options;
  const began = performance.now();
  const abort = signal === undefined ? {} : { signal };
  const paths = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, join(out, name)])) as Record<
    keyof typeof names,
    string
  >;
  const summary = await summarise(features, { tile: options.windows.tile, ...abort });
  const description = await describeModel(model);
  const created = new Date().toISOString();
  const sources = sourcesOf(scene);
  const dimensions = features.channels;

  const raster = await writeFeatures({ ...options, path: paths.features, ranges: summary.ranges });
  await writeEmbeddings({
    path: paths.embeddings,
    rows: summary.tiles.map(({ window, vector, valid }) => ({
      id: `r${pad4(window[1] / options.windows.tile)}c${pad4(window[0] / options.windows.tile)}`,
      footprint: footprintOf(scene, window),
      tile: window,
      dates: Object.fromEntries(scene.sensors.map(({ sensor, dates }) => [sensor, dates])),
      vector,
      valid,
    })),
    georeferenced: scene.location !== undefined,
    metadata: {
      type: "chip",
      dimensions,
      data_type: "float32",
      normalized: false,
      model: description,
      source_data: sources,
      chip_layout: {
        layout_type: "regular_grid",
        chip_size: [options.windows.tile, options.windows.tile],
        stride: [options.windows.tile, options.windows.tile],
      },
      software,
    },
    ...abort,
  });
  const pixels = scene.sensors[0]!.sensor === "hr" ? scene.hrPixelsPerCell : 1;
  const tileSize = [features.width, features.height].map((side) => Math.min(options.windows.tile, side) * pixels);
  const [tileWidth, tileHeight] = tileSize as [number, number];
  const gsd = gsdMetres(scene.grid);
  const product: EmbeddingProduct = {
    id: fileSafe(basename(resolve(out))),
    title: `${titleOf(scene)}: SkySense embeddings`,
    created,
    ...(scene.location && { footprint: footprintOf(scene, [0, 0, features.width, features.height]) }),
    features: { href: `./${names.features}`, ...raster, ...(gsd !== undefined && { gsdMetres: gsd }) },
    vectors: {
      href: `./${names.embeddings}`,
      dimensions,
      tile: [tileHeight, tileWidth],
      stride: [tileHeight, tileWidth],
    },
    previewHref: `./${names.preview}`,
    reportHref: `./${names.report}`,
    modelHref: `./${names.model}`,
    model: description,
    sources,
    parameters: options.parameters,
    preprocessing: scene.sensors.map(
      ({ sensor }) => `${sensor}: (value / ${profiles[sensor].div} − mean) / deviation a band`,
    ),
    device: { ...options.device, seconds: features.seconds.total },
    software,
  };
  await writeAtomic(paths.item, json(embeddingItem(product)));
  await writeAtomic(paths.collection, json(embeddingCollection(product)));
  await writeAtomic(
    paths.model,
    json(modelItem({ model: description, ...modelSignature(model), hyperparameters: { ...model.config }, created })),
  );
  const { sensor } = scene.sensors[0]!;
  const png = await renderPreview({
    input: trueColour(features.thumbnail, { sensor }),
    features: await pictureOfFeatures(features, summary.colours, abort),
  });
  await writeAtomic(paths.preview, png);

  const seconds = {
    reading: features.seconds.reading,
    computing: Math.max(0, features.seconds.total - features.seconds.reading),
    writing: (performance.now() - began) / 1000,
  };
  const outputs = await Promise.all(
    (["features", "embeddings", "item", "collection", "model", "preview"] as const).map(async (key) => ({
      name: names[key],
      bytes: (await stat(paths[key])).size,
      what: purposes[key],
    })),
  );
  await writeAtomic(
    paths.report,
    embedReport({
      title: titleOf(scene),
      command,
      created,
      software,
      preview: { png, input: pictureTitle(scene), explained: summary.colours.explained },
      sensors: await sensorReports(scene, abort),
      ...(scene.location && {
        place: {
          location: scene.location,
          geometry: footprintOf(scene, [0, 0, features.width, features.height]).geometry,
          crs: scene.grid.crs ?? "none",
        },
      }),
      model: { ...description, ...description.weights },
      dimensions,
      tiles: summary.tiles.length,
      tilePixels: [tileWidth, tileHeight],
      outputs,
      seconds,
      warnings: scene.warnings,
    }),
  );
  return { files: paths, tiles: summary.tiles.length, dimensions, seconds };
}

const purposes = {
  features: "dense features, a cloud-optimised GeoTIFF",
  embeddings: "one vector a tile, GeoParquet",
  item: "STAC item",
  collection: "STAC collection",
  model: "STAC description of the model",
  preview: "the input and three principal components",
} as const;

function fileSafe(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]+/g, "-") || "embedding";
}

function pad4(n: number): string {
  return String(n).padStart(4, "0");
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

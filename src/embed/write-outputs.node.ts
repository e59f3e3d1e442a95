import { stat } from "node:fs/promises";
import { basename, isAbsolute, join, relative, resolve } from "node:path";
import type { LongCall } from "../core/progress.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import type { ModelDescription, SourceDescription } from "../imagery/out/description.ts";
import { writeEmbeddings } from "../imagery/out/geoparquet.node.ts";
import { type EmbeddingProduct, embeddingCollection, embeddingItem } from "../imagery/out/stac.ts";
import { gsdMetres } from "../imagery/scene/crs.ts";
import type { Scene } from "../imagery/scene/scene.ts";
import { profiles } from "../imagery/sensor/profiles.ts";
import { embedReport } from "../report/embed-report.ts";
import { trueColour } from "../report/picture.ts";
import { renderPreview } from "../report/preview.node.ts";
import type { BlendedScene } from "./blend-scene.node.ts";
import { describeAsStac, describeModel } from "./describe-model.ts";
import { footprintOf, pictureTitle, sceneReport, sourcesOf, titleOf } from "./describe-scene.ts";
import type { SkySense } from "./model.ts";
import { software } from "./software.ts";
import { pictureOfFeatures, summarise } from "./summarise.node.ts";
import type { TileVector } from "./tile-vectors.ts";
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

type Paths = Record<keyof typeof names, string>;

/** Write everything that a run leaves; each file is replaced only when its successor is complete. */
export async function writeOutputs(options: OutputOptions) {
  const { scene, model, features, out, signal } = options;
  const began = performance.now();
  const abort = signal === undefined ? {} : { signal };
  const paths = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, join(out, name)])) as Paths;
  const summary = await summarise(features, { tile: options.windows.tile, ...abort });
  const run: Run = {
    description: await describeModel(model),
    created: new Date().toISOString(),
    sources: sourcesOf(scene),
    tilePixels: tilePixels(options),
  };
  const raster = await writeFeatures({ ...options, path: paths.features, ranges: summary.ranges });
  await writeEmbeddings({ ...vectorTable(options, run, summary.tiles), path: paths.embeddings, ...abort });
  const product = productOf(options, run, raster);
  await writeAtomic(paths.item, json(embeddingItem(product)));
  await writeAtomic(paths.collection, json(embeddingCollection(product)));
  await writeAtomic(paths.model, json(await describeAsStac(model, { created: run.created })));
  const png = await renderPreview({
    input: trueColour(features.thumbnail, { sensor: scene.sensors[0]!.sensor }),
    features: await pictureOfFeatures(features, summary.colours, abort),
  });
  await writeAtomic(paths.preview, png);

  const { reading, total } = features.seconds;
  const writing = (performance.now() - began) / 1000;
  const seconds = { reading, computing: Math.max(0, total - reading), writing };
  const report = embedReport({
    ...reportOf(options, run),
    ...(await sceneReport(scene, abort)),
    preview: { png, input: pictureTitle(scene), explained: summary.colours.explained },
    tiles: summary.tiles.length,
    outputs: await outputsOf(paths),
    seconds,
  });
  await writeAtomic(paths.report, report);
  return { files: paths, tiles: summary.tiles.length, dimensions: features.channels, seconds };
}

/** What several outputs say. */
interface Run {
  description: ModelDescription;
  /** RFC 3339. */
  created: string;
  sources: readonly SourceDescription[];
  tilePixels: readonly [width: number, height: number];
}

function tilePixels({ scene, features, windows }: OutputOptions): [width: number, height: number] {
  const pixels = scene.sensors[0]!.sensor === "hr" ? scene.hrPixelsPerCell : 1;
  return [Math.min(windows.tile, features.width) * pixels, Math.min(windows.tile, features.height) * pixels];
}

function vectorTable(
  { scene, features, windows: { tile } }: OutputOptions,
  { description, sources }: Run,
  tiles: readonly TileVector[],
) {
  const square = [tile, tile] as const;
  return {
    rows: tiles.map(({ window, vector, valid }) => ({
      id: `r${pad4(window[1] / tile)}c${pad4(window[0] / tile)}`,
      footprint: footprintOf(scene, window),
      tile: window,
      dates: Object.fromEntries(scene.sensors.map(({ sensor, dates }) => [sensor, dates])),
      vector,
      valid,
    })),
    georeferenced: scene.location !== undefined,
    metadata: {
      type: "chip",
      dimensions: features.channels,
      data_type: "float32",
      normalized: false,
      model: description,
      source_data: sources,
      chip_layout: { layout_type: "regular_grid", chip_size: square, stride: square },
      software,
    },
  } as const;
}

function productOf(
  { scene, features, out, parameters, device }: OutputOptions,
  { description, created, sources, tilePixels: [width, height] }: Run,
  raster: Awaited<ReturnType<typeof writeFeatures>>,
): EmbeddingProduct {
  const gsd = gsdMetres(scene.grid);
  const tile = [height, width] as const;
  return {
    id: fileSafe(basename(resolve(out))),
    title: `${titleOf(scene)}: SkySense embeddings`,
    created,
    ...(scene.location && { footprint: footprintOf(scene, [0, 0, features.width, features.height]) }),
    features: { href: `./${names.features}`, ...raster, ...(gsd !== undefined && { gsdMetres: gsd }) },
    vectors: { href: `./${names.embeddings}`, dimensions: features.channels, tile, stride: tile },
    previewHref: `./${names.preview}`,
    reportHref: `./${names.report}`,
    modelHref: `./${names.model}`,
    model: description,
    sources: sources.map((source) => ({ ...source, files: source.files.map((file) => fromFolder(out, file)) })),
    parameters,
    preprocessing: scene.sensors.map(
      ({ sensor }) => `${sensor}: (value / ${profiles[sensor].div} − mean) / deviation a band`,
    ),
    device: { ...device, seconds: features.seconds.total },
    software,
  };
}

function reportOf(
  { scene, features: { width, height, channels }, command }: OutputOptions,
  { description, created, tilePixels }: Run,
) {
  const gsd = gsdMetres(scene.grid);
  return {
    title: titleOf(scene),
    command,
    created,
    software,
    ...(scene.location && {
      place: {
        location: scene.location,
        geometry: footprintOf(scene, [0, 0, width, height]).geometry,
        crs: scene.grid.crs ?? "none",
        ...(gsd !== undefined && { sizeMetres: [width * gsd, height * gsd] as const }),
      },
    }),
    model: { ...description, ...description.weights },
    dimensions: channels,
    cells: [width, height] as const,
    tilePixels,
    warnings: scene.warnings,
  };
}

/** Everything beside the report, with its size. */
function outputsOf(paths: Paths): Promise<{ name: string; bytes: number; what: string }[]> {
  return Promise.all(
    Object.entries(purposes).map(async ([key, what]) => {
      const name = key as keyof typeof purposes;
      return { name: names[name], bytes: (await stat(paths[name])).size, what };
    }),
  );
}

const purposes = {
  features: "dense features, a cloud-optimised GeoTIFF",
  embeddings: "one vector a tile, GeoParquet",
  item: "STAC item",
  collection: "STAC collection",
  model: "STAC description of the model",
  preview: "the input and three principal components",
} as const;

/** Links of an item are relative to it, paths of the user to where the command ran. */
function fromFolder(folder: string, file: string): string {
  return isAbsolute(file) || /^[a-z][a-z0-9+.-]+:\/\//i.test(file) ? file : relative(folder, file);
}

function fileSafe(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]+/g, "-") || "embedding";
}

function pad4(n: number): string {
  return String(n).padStart(4, "0");
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

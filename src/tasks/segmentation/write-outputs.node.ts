import { join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import type { BlendedScene } from "../../embed/blend-scene.node.ts";
import { software } from "../../embed/software.ts";
import { writeFeatureTable } from "../../imagery/out/feature-table.node.ts";
import { qgisClassStyle } from "../../imagery/out/qgis-style.ts";
import { isGeoreferenced } from "../../imagery/out/region-feature.ts";
import { writeCog } from "../../imagery/raster/write-cog.node.ts";
import { trueColour } from "../../report/picture.ts";
import { renderPreview } from "../../report/preview.node.ts";
import { noClass, writeClassMap } from "../maps/class-map.node.ts";
import { classPicture } from "../maps/class-picture.ts";
import { classPolygons, polygonColumns } from "../maps/class-polygons.node.ts";
import type { MapperConfig } from "../maps/mapper.ts";
import { readSmall } from "../maps/read-small.node.ts";
import type { MappedScene } from "../maps/scene-grid.node.ts";
import { predictionReport } from "./prediction-report.ts";

export type PolygonFormat = "geojson" | "parquet" | "none";

/** How much of an image a class covers. */
export interface ClassArea {
  name: string;
  pixels: number;
  /** Of the pixels that hold an image. */
  share: number;
  /** undefined: the image has no known place on the globe. */
  hectares: number | undefined;
}

export interface SegmentationOutputs {
  /** Paths by name: classes, style, confidence, polygons, areas, preview, report. */
  files: Readonly<Record<string, string>>;
  areas: readonly ClassArea[];
  /** How many were written. */
  polygons: number;
}

export interface OutputOptions extends LongCall {
  config: MapperConfig;
  /** Which task it is of, for the report. Default "segmentation". */
  task?: string;
  image: string;
  model: string;
  out: string;
  work: string;
  /** False: the image is known to fill its grid. */
  masked: boolean;
  polygons: PolygonFormat;
  minPixels: number;
  command: string;
  windows: { window: number; overlap: number };
}

/** Write everything that a segmented scene gives. */
export async function writeSegmentationOutputs(
  scores: BlendedScene,
  opened: MappedScene,
  options: OutputOptions,
): Promise<SegmentationOutputs> {
  const { config, image, out, work, masked, polygons, minPixels, signal, onProgress } = options;
  const { pixels: grid } = opened;
  const { classes } = config;
  const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const map = await writeClassMap(scores, opened, { config, work, masked, ...abort });
  const files: Record<string, string> = {
    classes: join(out, "classes.tif"),
    style: join(out, "classes.qml"),
    confidence: join(out, "confidence.tif"),
    ...(polygons !== "none" && { polygons: join(out, `polygons.${polygons}`) }),
    areas: join(out, "areas.json"),
    preview: join(out, "preview.png"),
    report: join(out, "report.html"),
  };
  const metadata = { SOFTWARE: software, MODEL: options.model, IMAGE: image };
  const common = { grid, type: "uint8", metadata, ...abort } as const;
  await writeCog({
    ...common,
    metadata: { ...metadata, CLASSES: classes.map(({ name }, k) => `${k} ${name}`).join(", ") },
    path: files.classes!,
    bands: [{ name: "class", nodata: noClass, classes }],
    rows: { rawFile: map.labels },
    overviews: "MODE",
  });
  await writeAtomic(files.style!, qgisClassStyle(classes));
  await writeCog({
    ...common,
    path: files.confidence!,
    bands: [{ name: "confidence", nodata: noClass, unit: "%" }],
    rows: { rawFile: map.confidence },
  });
  let count = 0;
  if (files.polygons !== undefined) {
    count = await writeFeatureTable({
      path: files.polygons,
      features: classPolygons(map, { grid, classes, minPixels }),
      columns: polygonColumns,
      georeferenced: isGeoreferenced(grid),
      software,
      signal,
    });
  }
  const labelled = map.pixels.reduce((a, b) => a + b, 0);
  const areas = classes.map(({ name }, k) => ({
    name,
    pixels: map.pixels[k]!,
    share: map.pixels[k]! / Math.max(1, labelled),
    hectares: map.hectares?.[k],
  }));
  await writeAtomic(
    files.areas!,
    `${JSON.stringify({ image, classes: areas, pixelsWithoutImage: map.empty }, null, 2)}\n`,
  );
  const small = await readSmall(map.labels, grid, { side: 1000 });
  const png = await renderPreview({
    input: trueColour(scores.thumbnail, { sensor: opened.scene.sensors[0]!.sensor }),
    features: classPicture(small, classes),
  });
  await writeAtomic(files.preview!, png);
  await writeAtomic(
    files.report!,
    predictionReport({
      ...{ image, classes, areas, png, grid, polygons: count, empty: map.empty },
      ...{
        ...(options.task && { task: options.task }),
        command: options.command,
        model: options.model,
        windows: options.windows,
        warnings: opened.scene.warnings,
      },
      ...{
        files: Object.values(files).map((path) => path.slice(out.length + 1)),
        software,
        seconds: scores.seconds.total,
      },
    }),
  );
  return { files, areas, polygons: count };
}

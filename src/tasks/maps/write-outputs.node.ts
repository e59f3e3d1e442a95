import { join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import type { BlendedScene } from "../../embed/blend-scene.node.ts";
import { software } from "../../embed/software.ts";
import { trueColour } from "../../report/picture.ts";
import { renderPreview } from "../../report/preview.node.ts";
import { classPicture } from "./class-picture.ts";
import { type MapChoices, writeMapFiles } from "./map-files.node.ts";
import type { MapperConfig } from "./mapper.ts";
import { predictionReport } from "./prediction-report.ts";
import { readSmall } from "./read-small.node.ts";
import type { MappedScene } from "./scene-grid.node.ts";

/** How much of an image a class covers. */
export interface ClassArea {
  name: string;
  pixels: number;
  /** Of the pixels that hold an image. */
  share: number;
  /** undefined: the image has no known place on the globe. */
  hectares: number | undefined;
}

export interface MapOutputs {
  /** Paths by name: classes, style, confidence, polygons, areas, preview, report. */
  files: Readonly<Record<string, string>>;
  areas: readonly ClassArea[];
  /** How many were written. */
  polygons: number;
}

export interface MapOutputOptions extends MapChoices, LongCall {
  config: MapperConfig;
  /** Which task it is of, for the report. */
  task: string;
  image: string;
  model: string;
  /** False: the image is known to fill its grid. */
  masked: boolean;
  command: string;
  windows: { window: number; overlap: number };
}

/** Write everything that a mapped scene gives. */
export async function writeMapOutputs(
  scores: BlendedScene,
  opened: MappedScene,
  options: MapOutputOptions,
): Promise<MapOutputs> {
  const { config, task, image, model, out, command, windows } = options;
  const { pixels: grid } = opened;
  const { classes } = config;
  const written = await writeMapFiles(scores, opened, {
    ...options,
    names: { classes: "classes", certainty: "confidence" },
    bands: { classes: "class", certainty: "confidence" },
    metadata: { MODEL: model, IMAGE: image },
  });
  const { map, polygons } = written;
  const { certainty, ...maps } = written.files;
  const files = {
    ...maps,
    confidence: certainty!,
    areas: join(out, "areas.json"),
    preview: join(out, "preview.png"),
    report: join(out, "report.html"),
  };
  const labelled = map.pixels.reduce((a, b) => a + b, 0);
  const areas = classes.map(({ name }, k) => ({
    name,
    pixels: map.pixels[k]!,
    share: map.pixels[k]! / Math.max(1, labelled),
    hectares: map.hectares?.[k],
  }));
  await writeAtomic(
    files.areas,
    `${JSON.stringify({ image, classes: areas, pixelsWithoutImage: map.empty }, null, 2)}\n`,
  );
  const small = await readSmall(map.labels, grid, { side: 1000 });
  const png = await renderPreview({
    input: trueColour(scores.thumbnail, { sensor: opened.scene.sensors[0]!.sensor }),
    features: classPicture(small, classes),
  });
  await writeAtomic(files.preview, png);
  await writeAtomic(
    files.report,
    predictionReport({
      ...{ task, image, model, command, software, grid, classes, areas, png, polygons, windows },
      empty: map.empty,
      warnings: opened.scene.warnings,
      files: Object.values(files).map((path) => path.slice(out.length + 1)),
      seconds: scores.seconds.total,
    }),
  );
  return { files, areas, polygons };
}

import { join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import { trueColour } from "../../report/picture.ts";
import { renderPreview } from "../../report/preview.node.ts";
import { classPicture } from "../maps/class-picture.ts";
import { type MapChoices, writeMapFiles } from "../maps/map-files.node.ts";
import type { ScoredScene } from "../maps/map-scene.node.ts";
import { readSmall } from "../maps/read-small.node.ts";
import type { MappedScene } from "../maps/scene-grid.node.ts";
import type { ChangeConfig } from "./head.ts";
import { changeMapReport } from "./prediction-report.ts";
import { dateOf } from "./two-dates.ts";

/** How much changed. */
export interface ChangedArea {
  pixels: number;
  /** Of the pixels that both dates show. */
  share: number;
  /** undefined: the images have no known place on the globe. */
  hectares: number | undefined;
}

export interface ChangeOutputs {
  /** Paths by name: change, style, probability, polygons, areas, preview, report. */
  files: Readonly<Record<string, string>>;
  changed: ChangedArea;
  /** How many were written. */
  polygons: number;
}

export interface OutputOptions extends MapChoices, LongCall {
  config: ChangeConfig;
  before: readonly string[];
  after: readonly string[];
  model: string;
  command: string;
}

/** The class that counts. */
const changed = 1;

/** Write everything that a pair of scenes gives. */
export async function writeChangeOutputs(
  { scores, windows, masked }: ScoredScene,
  opened: MappedScene,
  options: OutputOptions,
): Promise<ChangeOutputs> {
  const { config, before, after, model, out, command } = options;
  const { pixels: grid, scene } = opened;
  const { classes, sensor } = config;
  const written = await writeMapFiles(scores, opened, {
    ...options,
    masked,
    counts: changed,
    names: { classes: "change", certainty: "probability" },
    bands: { classes: "change", certainty: "probability of change" },
    metadata: { MODEL: model, BEFORE: before.join(", "), AFTER: after.join(", ") },
  });
  const { map, polygons } = written;
  const { classes: change, certainty, ...others } = written.files;
  const files = {
    change: change!,
    probability: certainty!,
    ...others,
    areas: join(out, "areas.json"),
    preview: join(out, "preview.png"),
    report: join(out, "report.html"),
  };
  const seen = map.pixels.reduce((a, b) => a + b, 0);
  const area: ChangedArea = {
    pixels: map.pixels[changed]!,
    share: map.pixels[changed]! / Math.max(1, seen),
    hectares: map.hectares?.[changed],
  };
  const dates = scene.sensors[0]!.dates;
  const areas = { before, after, dates, changed: area, pixels: seen, pixelsWithoutImage: map.empty };
  await writeAtomic(files.areas, `${JSON.stringify(areas, null, 2)}\n`);
  const [first, second] = ([0, 1] as const).map((date) => trueColour(dateOf(scores.thumbnail, date), { sensor }));
  const small = classPicture(await readSmall(map.labels, grid, { side: 1000 }), classes);
  const png = await renderPreview({ input: second!, features: small });
  await writeAtomic(files.preview, png);
  await writeAtomic(
    files.report,
    changeMapReport({
      ...{ before, after, dates, model, command, software, grid, classes, area, windows, png },
      images: await renderPreview({ input: first!, features: second! }),
      polygons,
      empty: map.empty,
      files: Object.values(files).map((path) => path.slice(out.length + 1)),
      warnings: scene.warnings,
      seconds: scores.seconds.total,
    }),
  );
  return { files, changed: area, polygons };
}

import { basename, extname, join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import { software } from "../../embed/software.ts";
import { writeFeatureTable } from "../../imagery/out/feature-table.node.ts";
import { isGeoreferenced, regionFootprint } from "../../imagery/out/region-feature.ts";
import { gsdMetres } from "../../imagery/scene/crs.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { outlinesOf } from "./box-picture.ts";
import { detectScene, type WindowOptions } from "./detect-scene.node.ts";
import { openDetector, readDetector } from "./detector-session.node.ts";

/** What was written of one image. */
export interface Predicted {
  image: string;
  /** Objects by class. */
  counts: Readonly<Record<string, number>>;
  files: readonly string[];
}

/** What is said of each object. */
const columns = {
  class: "text",
  score: "number",
  /** Centre in pixels of the image, sides in pixels, and degrees clockwise from the first side to a row of pixels. */
  x: "number",
  y: "number",
  width: "number",
  height: "number",
  angle: "number",
  widthMetres: "number",
  heightMetres: "number",
} as const;

/**
 * Find objects on images with a detector that `finetuneDetection` wrote, and write `NAME.geojson` and `NAME.parquet`
 * for each: a polygon an object, with class, score, centre, sides and angle in pixels, and its sides in metres where known.
 *
 * @param options.minScore  Detections below are left out. Default 0.3.
 * @throws SkySenseError `NO_CONFIG` and those of reading images and writing files
 */
export async function predictDetection(
  options: {
    model: string;
    images: readonly string[];
    /** Folder for the results. */
    out: string;
    scene?: OpenSceneOptions;
    minScore?: number;
    threads?: number;
  } & WindowOptions &
    LongCall,
): Promise<Predicted[]> {
  const { model, images, out, scene, minScore = 0.3, threads, ...windows } = options;
  const detector = readDetector(model);
  const session = openDetector(detector, { threads });
  try {
    const results: Predicted[] = [];
    for (const image of images) {
      const { signal: _, ...said } = scene ?? {};
      const { objects, grid } = await detectScene(session, { files: [image], options: said }, windows);
      const rows = [...objects.scores.keys()].filter((i) => objects.scores[i]! >= minScore);
      const { classes, oriented } = session.config;
      const metres = gsdMetres(grid);
      const outlines = outlinesOf(objects.boxes, oriented);
      const features = rows.map((i) => {
        const { geometry, bbox } = regionFootprint({ rings: [outlines[i]!] }, grid);
        const { label, score } = { label: objects.labels[i]!, score: objects.scores[i]! };
        return { geometry, bbox, properties: { class: classes[label]!, score, ...measuresOf(outlines[i]!, metres) } };
      });
      const georeferenced = isGeoreferenced(grid);
      const stem = join(out, basename(image, extname(image)));
      const files = [`${stem}.geojson`, `${stem}.parquet`];
      for (const path of files) {
        await writeFeatureTable({ path, features, columns, georeferenced, software, signal: windows.signal });
      }
      results.push({ image, counts: countsOf(features.map(({ properties }) => properties.class)), files });
    }
    return results;
  } finally {
    await session.release();
    detector.weights.close();
  }
}

function measuresOf(outline: readonly number[], metres: number | undefined) {
  const [x1, y1, x2, y2, x3, y3] = outline as [number, number, number, number, number, number];
  const [width, height] = [Math.hypot(x2 - x1, y2 - y1), Math.hypot(x3 - x2, y3 - y2)];
  const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
  const pixels = { x: (x1 + x3) / 2, y: (y1 + y3) / 2, width, height, angle };
  return metres === undefined ? pixels : { ...pixels, widthMetres: width * metres, heightMetres: height * metres };
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

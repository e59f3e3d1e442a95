import { basename, extname, join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import { software } from "../../embed/software.ts";
import { writeFeatureTable } from "../../imagery/out/feature-table.node.ts";
import { isGeoreferenced, regionFootprint } from "../../imagery/out/region-feature.ts";
import { gsdMetres } from "../../imagery/scene/crs.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { detectScene, type WindowOptions } from "./detect-scene.node.ts";
import { openDetector, readDetector } from "./detector-session.node.ts";

/** What was written of one image. */
export interface Predicted {
  image: string;
  /** Objects by class. */
  counts: Readonly<Record<string, number>>;
  files: readonly string[];
}

/** In longitude and latitude where the image says where it is, else in pixels. */
const columns = {
  class: "text",
  score: "number",
  widthMetres: "number",
  heightMetres: "number",
  xmin: "number",
  ymin: "number",
  xmax: "number",
  ymax: "number",
} as const;

/**
 * Find objects on images with a detector that `finetuneDetection` wrote, and write `NAME.geojson` and `NAME.parquet`
 * for each: a polygon an object, with class, score, size in metres where known, and its box in pixels.
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
      const metres = gsdMetres(grid);
      const features = rows.map((i) => {
        const [x1, y1, x2, y2] = objects.boxes.subarray(4 * i, 4 * i + 4) as unknown as [
          number,
          number,
          number,
          number,
        ];
        const { geometry, bbox } = regionFootprint({ rings: [[x1, y1, x2, y1, x2, y2, x1, y2]] }, grid);
        const properties = {
          class: session.config.classes[objects.labels[i]!]!,
          score: objects.scores[i]!,
          ...(metres !== undefined && { widthMetres: (x2 - x1) * metres, heightMetres: (y2 - y1) * metres }),
          ...{ xmin: x1, ymin: y1, xmax: x2, ymax: y2 },
        };
        return { geometry, bbox, properties };
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

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

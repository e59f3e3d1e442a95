import type { LongCall } from "../../core/progress.ts";
import { software } from "../../embed/software.ts";
import { writeFeatureTable } from "../../imagery/out/feature-table.node.ts";
import { isGeoreferenced, regionFootprint } from "../../imagery/out/region-feature.ts";
import { gsdMetres } from "../../imagery/scene/crs.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import type { Device } from "../../runtime/session.ts";
import { outOfEach } from "../out-of-each.node.ts";
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
 * @throws SkySenseError `NO_CONFIG` | `SAME_NAME` and those of reading images and writing files
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
    device?: Device | "auto";
  } & WindowOptions &
    LongCall,
): Promise<Predicted[]> {
  const { model, images, out, scene, minScore = 0.3, threads, device, ...windows } = options;
  const stems = outOfEach(images, out);
  const detector = readDetector(model);
  const session = openDetector(detector, { threads, ...(device && { device }) });
  try {
    const results: Predicted[] = [];
    for (const [i, image] of images.entries()) {
      const { signal: _, ...said } = scene ?? {};
      const { objects, grid } = await detectScene(session, { files: [image], options: said }, windows);
      const rows = [...objects.scores.keys()].filter((k) => objects.scores[k]! >= minScore);
      const { classes, oriented } = session.config;
      const metres = gsdMetres(grid);
      const outlines = outlinesOf(objects.boxes, oriented);
      const features = rows.map((k) => {
        const outline = outlines[k]!;
        const said = { class: classes[objects.labels[k]!]!, score: objects.scores[k]! };
        return {
          ...regionFootprint({ rings: [outline] }, grid),
          properties: { ...said, ...measuresOf(outline, metres) },
        };
      });
      const georeferenced = isGeoreferenced(grid);
      const files = [`${stems[i]}.geojson`, `${stems[i]}.parquet`];
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

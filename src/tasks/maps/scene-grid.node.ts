import { SkySenseError } from "../../core/error.ts";
import { type Grid, scaleTransform } from "../../core/grid.ts";
import { openRaster } from "../../imagery/raster/open.node.ts";
import { type OpenSceneOptions, openScene } from "../../imagery/scene/open-scene.node.ts";
import type { Scene } from "../../imagery/scene/scene.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import { type MapperConfig, stride } from "./mapper.ts";

/** A scene whose cells are what a segmenter scores, and the grid of its pixels. */
export interface MappedScene {
  scene: Scene;
  pixels: Grid;
}

/**
 * Open an image as a scene for a segmenter.
 * @throws SkySenseError `WRONG_SENSOR` | `SEVERAL_DATES` and those of `openScene`
 */
export async function openForSegmenter(
  image: string,
  config: MapperConfig,
  options: OpenSceneOptions,
): Promise<MappedScene> {
  const { sensor } = config;
  const cell = stride(config);
  const scene = await openScene([image], {
    ...options,
    hrPixelsPerCell: cell,
    ...(sensor === "hr" && { keepBands: { hr: modelBands("hr").slice(0, config.model.hr!.bands) } }),
  });
  try {
    const found = scene.sensors.map((one) => one.sensor);
    if (found.join() !== sensor) {
      throw new SkySenseError({
        code: "WRONG_SENSOR",
        what: `the image is of ${found.join(" and ")}, but the segmenter learnt from ${sensor}`,
        where: image,
        remedy: "Give an image of that sensor, or say what it is by --sensor.",
      });
    }
    if (scene.sensors[0]!.dates.length > 1) {
      throw new SkySenseError({
        code: "SEVERAL_DATES",
        what: `the image holds ${scene.sensors[0]!.dates.length} dates`,
        where: image,
        remedy: "Segment one date at a time: give a file for each, or --max-dates 1.",
      });
    }
    return { scene, pixels: sensor === "hr" ? await pixelGrid(image, scene.grid, cell) : scene.grid };
  } catch (error) {
    await scene.close();
    throw error;
  }
}

/** The image's own grid: the last cells may stick out of it. */
async function pixelGrid(image: string, { crs, transform }: Grid, cell: number): Promise<Grid> {
  const raster = await openRaster(image);
  const { width, height } = raster.grid;
  await raster.close();
  return { crs, transform: scaleTransform(transform, 1 / cell), width, height };
}

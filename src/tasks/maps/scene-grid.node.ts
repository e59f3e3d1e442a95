import { bug, SkySenseError } from "../../core/error.ts";
import { type Grid, scaleTransform } from "../../core/grid.ts";
import { openRaster } from "../../imagery/raster/open.node.ts";
import { type OpenSceneOptions, openScene } from "../../imagery/scene/open-scene.node.ts";
import type { Scene } from "../../imagery/scene/scene.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import { type MapperConfig, stride } from "./mapper.ts";

/** A scene whose cells are what a model scores, and the grid of its pixels. */
export interface MappedScene {
  scene: Scene;
  pixels: Grid;
}

/**
 * Open an image as a scene whose cells are what a model scores, or images of several moments for a model that looks at
 * them together.
 *
 * @param images  The files of each moment.
 * @throws SkySenseError `WRONG_SENSOR` | `SEVERAL_DATES` and those of `openScene`
 */
export async function openToMap(
  images: readonly (readonly string[])[],
  config: MapperConfig,
  options: OpenSceneOptions,
): Promise<MappedScene> {
  const { sensor } = config;
  const cell = stride(config);
  const files = images.flat();
  const scene = await openScene(files, {
    ...options,
    hrPixelsPerCell: cell,
    ...(images.length > 1 && { moments: images.map(({ length }) => length) }),
    ...(sensor === "hr" && { keepBands: { hr: modelBands("hr").slice(0, config.model.hr!.bands) } }),
  });
  try {
    const found = scene.sensors.map((one) => one.sensor);
    if (found.join() !== sensor) {
      throw new SkySenseError({
        code: "WRONG_SENSOR",
        what: `the image is of ${found.join(" and ")}, but the model learnt from ${sensor}`,
        where: files[0],
        remedy: "Give an image of that sensor, or say what it is by --sensor.",
      });
    }
    if (scene.sensors[0]!.dates.length > images.length) {
      throw new SkySenseError({
        code: "SEVERAL_DATES",
        what: `the image holds ${scene.sensors[0]!.dates.length} dates`,
        where: files[0],
        remedy: "Map one date at a time: give a file for each, or --max-dates 1.",
      });
    }
    return { scene, pixels: sensor === "hr" ? await pixelGrid(files, scene.grid, cell) : scene.grid };
  } catch (error) {
    await scene.close();
    throw error;
  }
}

/** The grid of the image whose pixels the cells are made of: the last cells may stick out of it. */
async function pixelGrid(
  files: readonly string[],
  { crs, transform, width, height }: Grid,
  cell: number,
): Promise<Grid> {
  const fine = scaleTransform(transform, 1 / cell);
  for (const file of files) {
    const raster = await openRaster(file);
    const { grid } = raster;
    await raster.close();
    const own = Math.ceil(grid.width / cell) === width && Math.ceil(grid.height / cell) === height;
    // A described image has its georeference from elsewhere.
    if (own || files.length === 1) return { crs, transform: fine, width: grid.width, height: grid.height };
  }
  throw bug("a scene's cells are of none of its images");
}

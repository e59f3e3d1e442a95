import { open } from "node:fs/promises";
import type { Grid } from "../../core/grid.ts";
import { shiftTransform } from "../../core/grid.ts";
import type { MapFeature } from "../../imagery/out/feature-table.node.ts";
import { pixelHectares, regionFootprint } from "../../imagery/out/region-feature.ts";
import { traceRegions } from "../../imagery/out/trace-regions.ts";
import { type ClassMapFile, noClass } from "./class-map.node.ts";
import type { MapClass } from "./classes.ts";

/** Pixels that are traced at once; regions of larger maps are cut between strips of rows. */
const stripPixels = 2 ** 27;

/** What the polygons of a class map say of themselves. */
export const polygonColumns = { class: "text", value: "integer", pixels: "integer", hectares: "number" } as const;

/** The regions of a class map as polygons, a class after the other in no order; small ones, and classes to skip, are left out. */
export async function* classPolygons(
  { labels: path }: Pick<ClassMapFile, "labels">,
  {
    grid,
    classes,
    minPixels,
    skip = [],
  }: { grid: Grid; classes: readonly MapClass[]; minPixels: number; skip?: readonly number[] },
): AsyncGenerator<MapFeature> {
  const { width, height } = grid;
  const rows = Math.max(1, Math.floor(stripPixels / width));
  const areaOf = pixelHectares(grid);
  const file = await open(path, "r");
  try {
    for (let first = 0; first < height; first += rows) {
      const count = Math.min(rows, height - first);
      const labels = new Uint8Array(count * width);
      for (let done = 0; done < labels.length; ) {
        const { bytesRead } = await file.read(labels, done, labels.length - done, first * width + done);
        if (bytesRead === 0) throw new Error(`internal: ${path} ends in row ${first}`);
        done += bytesRead;
      }
      const strip = { ...grid, transform: shiftTransform(grid.transform, [0, first]), height: count };
      for (const region of traceRegions(labels, { width, height: count, skip: [noClass, ...skip], minPixels })) {
        const middle = first + region.rings[0]![1]!;
        const hectares = areaOf && region.pixels * areaOf(middle);
        yield {
          ...regionFootprint(region, strip),
          properties: { class: classes[region.label]!.name, value: region.label, pixels: region.pixels, hectares },
        };
      }
    }
  } finally {
    await file.close();
  }
}

import { basename, dirname, join } from "node:path";
import { SkySenseError } from "../../core/error.ts";
import type { LongCall } from "../../core/progress.ts";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import { qgisClassStyle } from "../../imagery/out/qgis-style.ts";
import { pixelHectares } from "../../imagery/out/region-feature.ts";
import { openRaster } from "../../imagery/raster/open.node.ts";
import { writeCog } from "../../imagery/raster/write-cog.node.ts";
import type { Raster } from "../../imagery/raster.ts";
import { noClass } from "../maps/class-map.node.ts";
import type { MapClass } from "../maps/classes.ts";

/** How much went from one class to another. */
export interface Transition {
  from: string;
  to: string;
  pixels: number;
  /** undefined: the maps have no known place on the globe. */
  hectares: number | undefined;
}

/** What changed from one class map to the next. */
export interface Transitions {
  before: string;
  after: string;
  /** The largest first. */
  transitions: readonly Transition[];
  /** Of the pixels that both maps have a class for, the share that changed it; NaN where there are none. */
  changed: number;
  /** Paths by name: changes, style, table. */
  files: Readonly<Record<string, string>>;
}

/** Rows that are read at a time. */
const strip = 256;

/**
 * Compare two class maps of one grid: a COG `NAME.tif` with the later class of every pixel that changed (band 1, with
 * colours and a QGIS style) and the earlier one (band 2), and a table `NAME.json` of what became what. Errors of either
 * map are changes, too.
 *
 * @param maps     Class maps that `predictSegmentation` wrote.
 * @param options.path  The COG.
 * @throws SkySenseError `OTHER_GRID`
 */
export async function mapTransitions(
  [before, after]: readonly [before: string, after: string],
  { path, classes, signal, onProgress }: { path: string; classes: readonly MapClass[] } & LongCall,
): Promise<Transitions> {
  const rasters: Raster[] = [];
  try {
    for (const map of [before, after]) rasters.push(await openRaster(map));
    requireOneGrid(rasters[0]!, rasters[1]!);
    const { grid } = rasters[0]!;
    const areaOf = pixelHectares(grid);
    const n = classes.length;
    const [pixels, hectares] = [new Float64Array(n * n), new Float64Array(n * n)];
    async function* rows() {
      for (let top = 0; top < grid.height; top += strip) {
        const count = Math.min(strip, grid.height - top);
        const window = [0, top, grid.width, count] as const;
        const [from, to] = await Promise.all(
          rasters.map(async (raster) => (await raster.read({ window, ...(signal && { signal }) })).data),
        );
        const size = count * grid.width;
        const out = new Uint8Array(2 * size).fill(noClass);
        for (let p = 0; p < size; p++) {
          const [a, b] = [from![p]!, to![p]!];
          if (a === noClass || b === noClass) continue;
          pixels[a * n + b]!++;
          hectares[a * n + b]! += areaOf?.(top + Math.floor(p / grid.width)) ?? 0;
          if (a === b) continue;
          out[p] = b;
          out[size + p] = a;
        }
        yield out;
      }
    }
    await writeCog({
      ...{ path, grid, type: "uint8", rows: rows(), overviews: "MODE" },
      bands: ["to", "from"].map((name) => ({ name, nodata: noClass, ...(name === "to" && { classes }) })),
      metadata: {
        ...{ SOFTWARE: software, BEFORE: before, AFTER: after },
        CLASSES: classes.map(({ name }, k) => `${k} ${name}`).join(", "),
      },
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    });
    const stem = join(dirname(path), basename(path, ".tif"));
    const files = { changes: path, style: `${stem}.qml`, table: `${stem}.json` };
    const transitions = classes
      .flatMap(({ name: from }, a) => classes.map(({ name: to }, b) => ({ from, to, at: a * n + b })))
      .filter(({ from, to, at }) => from !== to && pixels[at]! > 0)
      .map(({ from, to, at }) => ({ from, to, pixels: pixels[at]!, hectares: areaOf && hectares[at]! }))
      .sort((a, b) => b.pixels - a.pixels);
    const moved = transitions.reduce((sum, one) => sum + one.pixels, 0);
    const changed = moved / pixels.reduce((a, b) => a + b, 0);
    await writeAtomic(files.style, qgisClassStyle(classes));
    await writeAtomic(files.table, `${JSON.stringify({ before, after, changed, transitions }, null, 2)}\n`);
    return { before, after, transitions, changed, files };
  } finally {
    await Promise.all(rasters.map((raster) => raster.close()));
  }
}

function requireOneGrid(before: Raster, after: Raster): void {
  const of = ({ grid: { crs, transform, width, height } }: Raster) => JSON.stringify([crs, transform, width, height]);
  if (of(before) === of(after)) return;
  throw new SkySenseError({
    code: "OTHER_GRID",
    what: `the map is not on the grid of ${before.path}, so that their pixels are not the same ground`,
    where: after.path,
    remedy: "Cut the images to one grid before they are mapped, or leave out --changes.",
  });
}

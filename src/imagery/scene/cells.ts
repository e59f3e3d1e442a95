import { SkySenseError } from "../../core/error.ts";
import { type Grid, pixelToWorld, scaleTransform, worldToPixel } from "../../core/grid.ts";
import { gsdMetres, sameCrs } from "./crs.ts";
import type { Layer } from "./layer.ts";
import { type Axis, axis } from "./resample.ts";
import type { Series } from "./series.ts";

/** How a layer gets onto the grid of its sensor: along the axes, or by warping the raster first. */
export type Placement = { how: "axes"; cols: Axis; rows: Axis } | { how: "warp" };

export interface Cells {
  grid: Grid;
  /** "the 10 m pixels of s2.tif". */
  from: string;
  reference: Layer;
}

/**
 * The common grid: a cell is a pixel of the finest Sentinel-2 file, else of the finest Sentinel-1 file; with HR alone,
 * k × k pixels of the finest HR file. Sentinel pixels of 20 or 60 m are divided, since the model's cell is 10 m.
 */
export function cellGrid(series: readonly Series[], hrPixelsPerCell: number): Cells {
  const sensor = (["s2", "s1", "hr"] as const).find((name) => series.some((s) => s.sensor === name))!;
  const layers = layersOf(series.find((s) => s.sensor === sensor)!);
  const size = ({ grid }: Layer) => gsdMetres(grid) ?? 1 / grid.width;
  const reference = layers.reduce((best, layer) => (size(layer) < size(best) * 0.999 ? layer : best));
  const { path } = reference.raster;
  const { crs, transform, width, height } = reference.grid;
  const gsd = gsdMetres(reference.grid);
  if (sensor === "hr") {
    const k = hrPixelsPerCell;
    return {
      grid: {
        crs,
        transform: scaleTransform(transform, k),
        width: Math.ceil(width / k),
        height: Math.ceil(height / k),
      },
      from: `${k} × ${k} pixels${metres(gsd)} of ${path}`,
      reference,
    };
  }
  const times = gsd === undefined ? 1 : Math.round(gsd / 10);
  const divide =
    gsd !== undefined && (times === 2 || times === 6) && Math.abs(gsd / 10 / times - 1) < 0.1 ? times : 1;
  return {
    grid: { crs, transform: scaleTransform(transform, 1 / divide), width: width * divide, height: height * divide },
    from: `pixels${metres(gsd)} of ${path}${divide === 1 ? "" : `, each divided into ${divide} × ${divide} cells`}`,
    reference,
  };
}

function metres(gsd: number | undefined): string {
  return gsd === undefined ? "" : ` of ${Number(gsd.toPrecision(3))} m`;
}

/** The grid of a sensor's stacks: the cells, for HR each divided into k × k pixels. */
export function stackGrid({ crs, transform, width, height }: Grid, k: number): Grid {
  return { crs, transform: scaleTransform(transform, 1 / k), width: width * k, height: height * k };
}

/** The layers that a series reads. */
export function layersOf({ frames }: Series): Layer[] {
  return [...new Set(frames.flatMap(({ bands }) => [...bands.values()].map(({ layer }) => layer)))];
}

/**
 * How `layer` lies under `target`, a grid with `k` pixels a cell.
 *
 * @throws SkySenseError `MIXED_CRS` | `NO_GEOREFERENCE` | `SIZE_MISMATCH` | `NO_OVERLAP`
 */
export function place(layer: Layer, target: Grid, k: number, cells: Cells, reproject: boolean): Placement {
  const source = layer.grid;
  const { path } = layer.raster;
  if ((source.crs === undefined) !== (target.crs === undefined)) {
    const [without, other] =
      source.crs === undefined ? [path, cells.reference.raster.path] : [cells.reference.raster.path, path];
    throw new SkySenseError({
      code: "NO_GEOREFERENCE",
      what: `this file has no georeference, but ${other} has one`,
      where: without,
      remedy: "Georeference it (gdal_translate -a_srs EPSG:… -a_ullr …), or give the files in separate runs.",
    });
  }
  if (source.crs === undefined) return placeWithoutGeoreference(layer, target, cells);
  if (!sameCrs(source.crs, target.crs, target)) {
    if (reproject) return { how: "warp" };
    throw new SkySenseError({
      code: "MIXED_CRS",
      what: `this file is in ${shortCrs(source.crs)}, but the scene in ${shortCrs(target.crs!)} (${cells.reference.raster.path})`,
      where: path,
      remedy: "Pass reproject (--reproject) to have it warped onto the scene's grid.",
    });
  }
  const at = (pixel: [number, number]) => worldToPixel(source.transform, pixelToWorld(target.transform, pixel));
  const [c0, r0] = at([0, 0]);
  const [c1, r1] = at([target.width, 0]);
  const [c2, r2] = at([0, target.height]);
  if (Math.abs(r1 - r0) > 0.05 || Math.abs(c2 - c0) > 0.05) return { how: "warp" };
  const cols = axis({ step: (c1 - c0) / target.width, origin: c0, length: source.width, reach: k });
  const rows = axis({ step: (r2 - r0) / target.height, origin: r0, length: source.height, reach: k });
  if (overlap(cols, target.width) === 0 || overlap(rows, target.height) === 0) {
    throw new SkySenseError({
      code: "NO_OVERLAP",
      what: `this file does not touch the scene, which lies where ${cells.reference.raster.path} does`,
      where: path,
      remedy: "Give files of one place.",
    });
  }
  return { how: "axes", cols, rows };
}

/** Shares of the scene that a layer covers, and of the layer that lies in the scene. */
export function coverage({ cols, rows }: { cols: Axis; rows: Axis }, target: Grid): { scene: number; layer: number } {
  const across = overlap(cols, target.width);
  const down = overlap(rows, target.height);
  return {
    scene: (across * down) / (target.width * target.height),
    layer: (across * Math.abs(cols.step) * down * Math.abs(rows.step)) / (cols.length * rows.length),
  };
}

/** Target pixels of [0, count) that lie over the source. */
function overlap({ step, origin, length }: Axis, count: number): number {
  const [a, b] = [-origin / step, (length - origin) / step];
  return Math.max(0, Math.min(count, Math.max(a, b)) - Math.max(0, Math.min(a, b)));
}

/** Without coordinates files lie over each other corner to corner, so their sizes must have one ratio. */
function placeWithoutGeoreference(layer: Layer, target: Grid, cells: Cells): Placement {
  const { width, height } = layer.grid;
  const reference = cells.reference.grid;
  if (width * reference.height !== height * reference.width) {
    throw new SkySenseError({
      code: "SIZE_MISMATCH",
      what:
        `neither file has a georeference, and ${width} × ${height} pixels do not fit over the ` +
        `${reference.width} × ${reference.height} of ${cells.reference.raster.path}`,
      where: layer.raster.path,
      remedy: "Georeference the files, or cut them to the same ground.",
    });
  }
  const targetPerReference = worldToPixel(target.transform, [1, 0])[0];
  const step = width / reference.width / targetPerReference;
  const reach = Math.max(1, Math.round(target.width / cells.grid.width));
  return {
    how: "axes",
    cols: axis({ step, origin: 0, length: width, reach }),
    rows: axis({ step, origin: 0, length: height, reach }),
  };
}

function shortCrs(crs: string): string {
  return /^EPSG:/i.test(crs) ? crs : (/^\w+\["([^"]+)"/.exec(crs)?.[1] ?? crs.slice(0, 40));
}

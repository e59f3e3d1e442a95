import { rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { SkySenseError } from "../../core/error.ts";
import { type Grid, pixelToWorld, shiftTransform, type Window, worldToPixel } from "../../core/grid.ts";
import { explain } from "../../core/write-atomic.node.ts";
import type { Raster } from "../raster.ts";
import { blockCache } from "./block-cache.ts";
import { decompress } from "./decompress.node.ts";
import { unsupported } from "./errors.ts";
import { GdalError, type GdalSession, withSharedGdal } from "./gdal-session.node.ts";
import { alphaBand } from "./mask.ts";
import { mosaic } from "./mosaic.ts";
import { openRaster } from "./open.node.ts";
import { openTiff } from "./open-tiff.ts";
import { gdalTypes, type RawLayout, rawVrt, rawWriter } from "./raw-file.node.ts";
import { fileSource } from "./source-file.node.ts";
import { temporaryFolder } from "./temporary.node.ts";
import { typeBytes } from "./unpack.ts";
import { withoutAlpha } from "./without-alpha.ts";

export interface WarpOptions {
  /** Default: bilinear. Use nearest for classes and masks, average where the grid is much coarser. */
  resampling?: "nearest" | "bilinear" | "cubic" | "cubicspline" | "lanczos" | "average" | "mode";
  /** Zero-based band indices in output order; default: all but an alpha band. */
  bands?: readonly number[];
  signal?: AbortSignal;
}

type Source = string | Raster;

/**
 * Bring images onto a grid: another projection, another resolution, or another offset. Where several cover a pixel,
 * the last valid one shows. Nodata and masks are honoured: `readMask` of the result tells what no source covers.
 *
 * The result lies in a temporary file until it is closed; memory stays flat. Sources given as rasters stay open.
 *
 * @param grid North-up, with a `crs`.
 * @throws SkySenseError `MISSING_CRS` | `NO_OVERLAP` | `DISK_FULL` | `RASTER_UNSUPPORTED`, and what reading throws
 */
export async function warpOnto(
  source: Source | readonly Source[],
  grid: Grid,
  { resampling = "bilinear", bands, signal }: WarpOptions = {},
): Promise<Raster> {
  const sources: readonly Source[] = Array.isArray(source) ? source : [source as Source];
  const { folder, remove } = await temporaryFolder();
  const done: Raster[] = [];
  try {
    await withSharedGdal(async (gdal) => {
      for (const [i, one] of sources.entries()) {
        const raster = typeof one === "string" ? await openRaster(one, { ...(signal && { signal }) }) : one;
        try {
          checkCrs(raster.path, raster.grid, grid);
          const job = { raster, grid, folder, name: `warped${i}`, resampling, bands, signal };
          const out = await warpOne(gdal, job);
          if (out) done.push(out);
        } finally {
          if (typeof one === "string") await raster.close();
        }
      }
    });
    if (done.length === 0) throw noOverlap(sources);
    return mosaic(done, remove);
  } catch (error) {
    await Promise.all(done.map((raster) => raster.close()));
    await remove();
    throw explain(error, folder);
  }
}

interface Job {
  raster: Raster;
  grid: Grid;
  folder: string;
  name: string;
  resampling: NonNullable<WarpOptions["resampling"]>;
  bands: readonly number[] | undefined;
  signal: AbortSignal | undefined;
}

/**
 * Read the part of the source under the grid into a raw file, which GDAL then warps. GDAL does not read the source
 * itself: its build lacks codecs that are read here, and has no network.
 *
 * @returns undefined: the source does not touch the grid.
 */
async function warpOne(gdal: GdalSession, job: Job): Promise<Raster | undefined> {
  const { raster, grid, folder, name, resampling, signal } = job;
  const window = await windowUnder(gdal, raster.grid, grid);
  if (window === undefined) return undefined;
  const alpha = alphaBand(raster.bands);
  const chosen = job.bands ?? raster.bands.map((_, i) => i).filter((i) => i !== alpha);
  const described = chosen.map((i) => raster.bands[i]!);
  const type = described[0]!.type;
  const real = type === "float32" || type === "float64";
  const nodata = described.find((band) => band.nodata !== undefined)?.nodata ?? (real ? Number.NaN : undefined);
  const layout: RawLayout = {
    ...{ type, width: window[2], height: window[3] },
    bands: described.map((band) => ({ ...band, colour: undefined, metadata: {}, nodata })),
  };
  const masked = await spool(job, window, chosen, layout);
  const transform = shiftTransform(raster.grid.transform, [window[0], window[1]]);
  const vrt = rawVrt(`${name}.raw`, {
    ...layout,
    grid: { crs: raster.grid.crs, transform },
    ...(masked && { mask: `${name}.mask` }),
  });
  await writeFile(join(folder, `${name}.vrt`), vrt);
  signal?.throwIfAborted();
  const inside = `/output/${basename(folder)}/${name}`;
  const [x0, y0] = pixelToWorld(grid.transform, [0, 0]);
  const [x1, y1] = pixelToWorld(grid.transform, [grid.width, grid.height]);
  try {
    await gdal.warp(`${inside}.vrt`, `${basename(folder)}/${name}`, [
      ...["-of", "GTiff", "-ot", gdalTypes[type], "-t_srs", grid.crs!, "-r", gdalNames[resampling] ?? resampling],
      ...["-te", ...[x0, y1, x1, y0].map(String), "-ts", String(grid.width), String(grid.height), "-dstalpha"],
      ...(nodata === undefined ? [] : ["-dstnodata", String(nodata).toLowerCase()]),
      ...["-wm", "128", "-co", "TILED=YES", "-co", "BIGTIFF=IF_SAFER"],
    ]);
  } catch (error) {
    if (!(error instanceof GdalError)) throw error;
    throw unsupported(raster.path, `GDAL cannot bring the image onto the grid: ${error.message}`);
  } finally {
    if (gdal.alive) await gdal.release(`${inside}.vrt`);
  }
  await rm(join(folder, `${name}.raw`)); // the pixels are in the result now
  const out = await openTiff(await fileSource(join(folder, `${name}.tif`)), {
    ...{ decompress, cache: blockCache(2 ** 26), parallel: 2 },
  });
  return withoutAlpha(out, {
    path: raster.path,
    driver: raster.driver,
    metadata: raster.metadata,
    grid,
    bands: described,
  });
}

const gdalNames: Record<string, string> = { nearest: "near" };

/** The window's pixels as a raw file, and its mask where nodata values do not say it already. */
async function spool(
  { raster, folder, name, signal }: Job,
  window: Window,
  bands: readonly number[],
  layout: RawLayout,
): Promise<boolean> {
  const [col, row, width, height] = window;
  const masked = raster.readMask !== undefined && bands.every((band) => raster.bands[band]!.nodata === undefined);
  const pixels = await rawWriter(join(folder, `${name}.raw`), layout);
  const mask = masked
    ? await rawWriter(join(folder, `${name}.mask`), { ...layout, type: "uint8", bands: [{}] })
    : undefined;
  try {
    const rowBytes = bands.length * width * typeBytes[layout.type];
    const fit = Math.max(1, Math.floor(2 ** 25 / rowBytes));
    const count = fit > raster.blockSize[1] ? fit - (fit % raster.blockSize[1]) : fit;
    for (let y = row; y < row + height; ) {
      // Strips end where the source's blocks do, so that no block is decoded twice.
      const rows = Math.min(count - (y % (fit > raster.blockSize[1] ? raster.blockSize[1] : 1)), row + height - y);
      const part = { window: [col, y, width, rows] as const, ...(signal && { signal }) };
      await pixels.write((await raster.read({ ...part, bands })).data, rows);
      if (mask)
        await mask.write(
          (await raster.readMask!(part)).map((valid) => valid * 255),
          rows,
        );
      y += rows;
    }
  } finally {
    await pixels.close();
    await mask?.close();
  }
  return masked;
}

/** The source's pixels that the grid needs, with a margin for the widest kernel; undefined: none. */
async function windowUnder(gdal: GdalSession, source: Grid, grid: Grid): Promise<Window | undefined> {
  const steps = 20;
  const points: [number, number][] = [];
  for (let i = 0; i <= steps; i++) {
    for (let j = 0; j <= steps; j++) {
      points.push(pixelToWorld(grid.transform, [(i / steps) * grid.width, (j / steps) * grid.height]));
    }
  }
  const same = source.crs === grid.crs;
  const moved = same
    ? points
    : await gdal.transform(points, ["-s_srs", grid.crs!, "-t_srs", source.crs!, "-output_xy"]).catch(() => []);
  const pixels = moved.map((point) => worldToPixel(source.transform, point as [number, number]));
  if (pixels.length === 0 || !pixels.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y))) {
    return [0, 0, source.width, source.height]; // part of the grid lies outside the projection: let GDAL see to it
  }
  const range = (values: number[], size: number, steps: number): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    // 4 target pixels for lanczos and average, and 2 % for the curve between the points.
    const margin = 4 * Math.max(1, (high - low) / steps) + (same ? 0 : (high - low) * 0.02);
    return [Math.max(0, Math.floor(low - margin)), Math.min(size, Math.ceil(high + margin))];
  };
  const cols = range(
    pixels.map(([x]) => x),
    source.width,
    grid.width,
  );
  const rows = range(
    pixels.map(([, y]) => y),
    source.height,
    grid.height,
  );
  if (cols[1] <= cols[0] || rows[1] <= rows[0]) return undefined;
  return [cols[0], rows[0], cols[1] - cols[0], rows[1] - rows[0]];
}

function checkCrs(path: string, source: Grid, grid: Grid): void {
  if (source.crs === undefined || grid.crs === undefined) {
    throw new SkySenseError({
      code: "MISSING_CRS",
      what:
        source.crs === undefined
          ? "the image has no coordinate system"
          : "the grid to warp onto has no coordinate system",
      where: path,
      remedy: "Give the image a georeference, for instance with gdal_edit.py -a_srs, or use images of one grid.",
    });
  }
  const [, b, , d, e] = grid.transform;
  if (b !== 0 || d !== 0 || grid.transform[0] <= 0 || e >= 0) {
    throw unsupported(
      path,
      "the grid to warp onto is rotated or mirrored",
      "Choose an image that is north-up as the reference.",
    );
  }
}

function noOverlap(sources: readonly Source[]): SkySenseError {
  return new SkySenseError({
    code: "NO_OVERLAP",
    what: "no image touches the grid",
    where: sources.map((source) => (typeof source === "string" ? source : source.path)).join(", "),
    remedy: "Check that the files show the same place and that their coordinate systems are right.",
  });
}

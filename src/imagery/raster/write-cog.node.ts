import { randomBytes } from "node:crypto";
import { mkdir, realpath, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { bug, SkySenseError } from "../../core/error.ts";
import type { Grid } from "../../core/grid.ts";
import type { LongCall } from "../../core/progress.ts";
import { explain, replaceFile } from "../../core/write-atomic.node.ts";
import type { RasterData, RasterType } from "../raster.ts";
import { GdalError, withGdal } from "./gdal-session.node.ts";
import { type RawBand, type RawLayout, rawVrt, rawWriter } from "./raw-file.node.ts";
import { arrayTypes, typeBytes } from "./unpack.ts";

export interface WriteCogOptions extends LongCall {
  /** Replaced at the end, when all is written. */
  path: string;
  grid: Grid;
  type: RasterType;
  /** Store float32 values in 16 bits. */
  halfFloat?: boolean;
  /** physical = value · scale + offset. */
  bands: readonly RawBand[];
  metadata?: Readonly<Record<string, string>>;
  /**
   * The pixels: rows of all bands from top to bottom, each piece [bands, count, width]; or a file that holds them
   * band after band, [bands, height, width] in little-endian order.
   */
  rows: AsyncIterable<RasterData> | Iterable<RasterData> | { rawFile: string };
  /** Default: deflate with the predictor that suits the type. */
  compression?: "DEFLATE" | "LZW" | "NONE";
  /** How overviews are made. Default: average; mode for classes, nearest for what must not be mixed. */
  overviews?: "AVERAGE" | "MODE" | "NEAREST" | "BILINEAR" | "CUBIC";
}

/**
 * Write a cloud-optimised GeoTIFF with overviews. Memory stays flat: the pixels wait in a temporary file beside `path`.
 *
 * @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE` | `RASTER_WRITE`; nothing half-written stays.
 */
export async function writeCog(options: WriteCogOptions): Promise<void> {
  const {
    path,
    grid,
    type,
    bands,
    rows,
    metadata = {},
    compression = "DEFLATE",
    halfFloat = false,
    signal,
  } = options;
  const layout: RawLayout = { type, width: grid.width, height: grid.height, bands };
  const folder = resolve(dirname(path));
  const work = join(folder, `.part-${process.pid}-${randomBytes(4).toString("hex")}`);
  const report = (done: number): void =>
    options.onProgress?.({ phase: "write GeoTIFF", done, total: grid.height, unit: "rows" });
  try {
    await mkdir(work, { recursive: true });
    const raw = "rawFile" in rows ? await givenFile(rows.rawFile, layout) : await spool(work, rows, layout, options);
    await writeFile(join(work, "pixels.vrt"), rawVrt(raw.name, { ...layout, grid, metadata }));
    report(0);
    await replaceFile(path, async (part) => {
      const folders = { output: work, ...(raw.folder !== undefined && { input: raw.folder }) };
      await withGdal(folders, signal, (gdal) =>
        gdal.translate("/output/pixels.vrt", "cog", [
          ...["-of", "COG", "-co", `COMPRESS=${compression}`, "-co", `BLOCKSIZE=${blockSize(type, bands.length)}`],
          ...(compression === "NONE" ? [] : ["-co", "PREDICTOR=YES"]),
          ...(halfFloat ? ["-co", "NBITS=16"] : []),
          // Level 1 takes a fifth of level 6's time in WebAssembly and gives files 14 % larger.
          ...(compression === "DEFLATE" ? ["-co", "LEVEL=1"] : []),
          ...["-co", `OVERVIEW_RESAMPLING=${options.overviews ?? "AVERAGE"}`, "-co", "BIGTIFF=IF_SAFER"],
        ]),
      );
      await rename(join(work, "cog.tif"), part);
    });
    report(grid.height);
  } catch (error) {
    throw await explainWrite(error, options);
  } finally {
    await rm(work, { recursive: true, force: true }).catch(() => {});
  }
}

/** Rows as they come, into a band-sequential file. */
async function spool(
  work: string,
  rows: AsyncIterable<RasterData> | Iterable<RasterData>,
  layout: RawLayout,
  { signal, onProgress }: LongCall,
): Promise<{ name: string; folder?: string }> {
  const { width, height, bands, type } = layout;
  const writer = await rawWriter(join(work, "pixels.raw"), layout);
  let done = 0;
  try {
    for await (const piece of rows) {
      signal?.throwIfAborted();
      const count = piece.length / (bands.length * width);
      if (!(piece instanceof arrayTypes[type]) || !Number.isInteger(count) || done + count > height) {
        throw bug(
          `a piece of ${piece.length} values does not fit ${bands.length} bands × ${width} columns of ${type}`,
        );
      }
      await writer.write(piece, count);
      done += count;
      onProgress?.({ phase: "write pixels", done, total: height, unit: "rows" });
    }
  } finally {
    await writer.close();
  }
  if (done !== height) throw bug(`${done} rows were given for a raster of ${height}`);
  return { name: "pixels.raw" };
}

async function givenFile(
  file: string,
  { type, width, height, bands }: RawLayout,
): Promise<{ name: string; folder?: string }> {
  const real = await realpath(file);
  const { size } = await stat(real);
  const need = bands.length * width * height * typeBytes[type];
  if (size !== need) throw bug(`the raw file ${file} has ${size} bytes, its layout needs ${need}`);
  return { name: `/input/${basename(real)}`, folder: dirname(real) };
}

/** Tiles hold all bands; with hundreds of them smaller ones keep a window's read small (128 is GDAL's least). */
function blockSize(type: RasterType, bands: number): number {
  let size = 512;
  while (size > 128 && size * size * bands * typeBytes[type] > 2 ** 22) size /= 2;
  return size;
}

/** GDAL does not say why a write failed: see whether the disk had room for the pixels. */
async function explainWrite(error: unknown, { path, grid, bands, type }: WriteCogOptions): Promise<unknown> {
  if (!(error instanceof GdalError)) return explain(error, path);
  const disk = await statfs(dirname(resolve(path))).catch(() => undefined);
  const needed = 2 * bands.length * grid.width * grid.height * typeBytes[type];
  const full = disk !== undefined && disk.bavail * disk.bsize < needed;
  return new SkySenseError({
    code: full ? "DISK_FULL" : "RASTER_WRITE",
    what: full ? "the disk is full" : `GDAL could not write the file: ${error.message}`,
    where: path,
    remedy: full ? "Free some space, or write to another disk." : "Check the folder and the disk, and try again.",
    cause: error,
  });
}

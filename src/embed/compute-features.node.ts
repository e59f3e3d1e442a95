import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { LongCall } from "../core/progress.ts";
import { explain, writeAtomic } from "../core/write-atomic.node.ts";
import { locationOf } from "../imagery/scene/crs.ts";
import type { Scene } from "../imagery/scene/scene.ts";
import { regionOf } from "../model/geo-context.ts";
import type { LocatedPlace } from "./encode.ts";
import { inChunks } from "./engine.ts";
import type { FeatureFile } from "./feature-file.node.ts";
import type { SkySense } from "./model.ts";
import { createThumbnail, pictureBands, type Thumbnail } from "./thumbnail.ts";
import { createBlender, finishedRows, rowWindows, type Tiling } from "./tiling.ts";

export interface ComputeOptions extends LongCall {
  scene: Scene;
  model: SkySense;
  tiling: Tiling;
  /** Windows that are read and encoded together. */
  batch: number;
  /** Folder for the features on their way, and for going on after an interruption. */
  work: string;
  /** Whatever the features depend on: another fingerprint starts anew. */
  fingerprint: string;
}

/** The features, and how the run went. */
export interface ComputedFeatures extends FeatureFile {
  /** The images of the scene's first sensor, small. */
  thumbnail: Thumbnail["stack"];
  /** Rows that were there from an interrupted run. */
  resumedRows: number;
  /** Seconds spent waiting for images, and in all. */
  seconds: { reading: number; total: number };
}

interface Journal {
  fingerprint: string;
  /** Rows of windows that are done. */
  windowRows: number;
  channels: number;
}

/**
 * Encode a scene window by window and blend the windows into one map on disk. Memory holds one row of windows.
 *
 * After every row of windows its finished rows of cells, the unfinished sums and a journal are on disk, so that the
 * same call goes on where an interrupted one stopped, with the same result.
 */
export async function computeFeatures(options: ComputeOptions): Promise<ComputedFeatures> {
  const { scene, model, tiling, work, fingerprint, signal, onProgress } = options;
  const { width, height } = scene.grid;
  const channels = model.config.fusion.width * (model.config.geoContext === undefined ? 1 : 2);
  const paths = {
    features: join(work, "features.f32"),
    // In turns, so that the one that the journal speaks of is whole while the next is written.
    pending: [join(work, "pending-0.f32"), join(work, "pending-1.f32")],
    thumbnail: join(work, "thumbnail.f32"),
    journal: join(work, "journal.json"),
  };
  await mkdir(work, { recursive: true }).catch((error) => {
    throw explain(error, work);
  });
  const start = await resumePoint(paths, fingerprint, channels);
  // The journal of another request speaks of features that are overwritten now.
  if (start.windowRows === 0) await rm(paths.journal, { force: true });
  const { sensor, bands, grid: pixels } = scene.sensors[0]!;
  const side = sensor === "hr" ? scene.hrPixelsPerCell : 1;
  const thumbnail = createThumbnail({ ...pixels, bands: pictureBands(sensor, bands) });
  if (start.windowRows > 0) await readThumbnail(thumbnail, paths.thumbnail);
  const blender = createBlender(tiling, { width, channels, ...(start.pending && { pending: start.pending }) });
  const rowCount = tiling.rows.starts.length;
  const columnCount = tiling.columns.starts.length;
  const firstRow = start.windowRows === 0 ? 0 : finishedRows(tiling, start.windowRows - 1)[1];
  const seconds = { reading: 0, total: 0 };
  const began = performance.now();

  const file = await open(paths.features, start.windowRows === 0 ? "w" : "r+").catch((error) => {
    throw explain(error, paths.features);
  });
  try {
    await file.truncate(firstRow * width * channels * 4);
    for (let row = start.windowRows; row < rowCount; row++) {
      const windows = rowWindows(tiling, row).map((window, column) => ({ window, column }));
      // Blending keeps the order of the windows whatever finishes first, or sums would round differently.
      let blended: Promise<void> = Promise.resolve();
      await inChunks(windows, options.batch, async (chunk) => {
        signal?.throwIfAborted();
        const waited = performance.now();
        const places = await Promise.all(chunk.map(({ window }) => readPlace(options, window)));
        seconds.reading += (performance.now() - waited) / 1000;
        for (const [i, { window }] of chunk.entries())
          thumbnail.add([window[0] * side, window[1] * side], places[i]![sensor]!);
        const before = blended;
        const encoded = await model.encodeCells(places, signal === undefined ? {} : { signal });
        blended = before.then(() => {
          for (const [i, { column }] of chunk.entries()) blender.add(row, column, encoded[i]!.fused);
        });
        await blended;
        const done = row * columnCount + chunk.at(-1)!.column + 1;
        onProgress?.({ phase: "embed", done, total: rowCount * columnCount, unit: "windows" });
      });
      const [first] = finishedRows(tiling, row);
      const rows = blender.take(row);
      await writeAt(file, bytesOf(rows), first * width * channels * 4);
      await file.datasync();
      await writeAtomic(paths.pending[(row + 1) % 2]!, bytesOf(blender.pending()));
      await writeAtomic(paths.thumbnail, [bytesOf(thumbnail.stack.data), thumbnail.stack.mask]);
      await writeAtomic(
        paths.journal,
        JSON.stringify({ fingerprint, windowRows: row + 1, channels } satisfies Journal),
      );
    }
  } catch (error) {
    throw explain(error, paths.features);
  } finally {
    await file.close();
  }
  seconds.total = (performance.now() - began) / 1000;
  return {
    path: paths.features,
    width,
    height,
    channels,
    thumbnail: thumbnail.stack,
    resumedRows: firstRow,
    seconds,
  };
}

async function resumePoint(
  paths: { pending: readonly string[]; journal: string },
  fingerprint: string,
  channels: number,
): Promise<{ windowRows: number; pending?: Float32Array }> {
  try {
    const journal = JSON.parse(await readFile(paths.journal, "utf8")) as Journal;
    if (journal.fingerprint !== fingerprint || journal.channels !== channels) return { windowRows: 0 };
    const bytes = await readFile(paths.pending[journal.windowRows % 2]!);
    return { windowRows: journal.windowRows, pending: new Float32Array(new Uint8Array(bytes).buffer) };
  } catch {
    return { windowRows: 0 }; // nothing to go on from
  }
}

async function readThumbnail({ stack: { data, mask } }: Thumbnail, path: string): Promise<void> {
  const bytes = await readFile(path);
  new Uint8Array(data.buffer).set(bytes.subarray(0, data.byteLength));
  mask.set(bytes.subarray(data.byteLength));
}

/** A window's images, and the region of each of its cells where the model knows regions. */
async function readPlace(
  { scene, model, signal }: ComputeOptions,
  window: readonly [number, number, number, number],
): Promise<LocatedPlace> {
  const place = await scene.read(window, signal === undefined ? {} : { signal });
  const geo = model.config.geoContext;
  if (geo === undefined) return place;
  const [col, row, width, height] = window;
  const regions = Int32Array.from({ length: width * height }, (_, cell) => {
    const centre = [col + (cell % width) + 0.5, row + Math.floor(cell / width) + 0.5] as const;
    const location = locationOf(scene.grid, centre);
    return location === undefined ? -1 : regionOf(location, geo.grid);
  });
  return { ...place, regions };
}

/** All of the bytes: one call may write fewer. */
async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function bytesOf(array: Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** A short name for everything that a result depends on. */
export function fingerprintOf(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

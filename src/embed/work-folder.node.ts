import { type FileHandle, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { explain, makeFolder, writeAtomic } from "../core/write-atomic.node.ts";
import type { Thumbnail } from "./thumbnail.ts";

/** What a run keeps on disk, to go on from after an interruption. */
export interface WorkFolder {
  /** The features, float32 [height, width, channels]. */
  readonly path: string;
  /** Rows of windows that an interrupted run had finished. */
  readonly windowRows: number;
  /** Sums of rows that were not finished, where there are some. */
  readonly pending: Float32Array | undefined;
  /** Keep what is finished once `windowRows` rows of windows are done; rows of cells begin with `firstRow`. */
  save(state: {
    windowRows: number;
    firstRow: number;
    rows: Float32Array;
    pending: Float32Array;
    thumbnail: Thumbnail;
  }): Promise<void>;
  close(): Promise<void>;
}

interface Journal {
  fingerprint: string;
  /** Rows of windows that are done. */
  windowRows: number;
  channels: number;
}

/**
 * Open the folder of a run. What lies there from a run with another fingerprint is overwritten.
 *
 * @param options.thumbnail  Gets what the interrupted run had of it.
 * @param options.rowBytes   Of one row of cells.
 * @param options.finished   Rows of cells that no window after so many rows of windows touches.
 */
export async function openWorkFolder(
  work: string,
  options: {
    fingerprint: string;
    channels: number;
    rowBytes: number;
    thumbnail: Thumbnail;
    finished: (windowRows: number) => number;
  },
): Promise<WorkFolder> {
  const { fingerprint, channels, rowBytes, thumbnail, finished } = options;
  const paths = {
    features: join(work, "features.f32"),
    // In turns, so that the one that the journal speaks of is whole while the next is written.
    pending: [join(work, "pending-0.f32"), join(work, "pending-1.f32")],
    thumbnail: join(work, "thumbnail.f32"),
    journal: join(work, "journal.json"),
  };
  await makeFolder(work).catch((error) => {
    throw explain(error, work);
  });
  const start = await resumePoint(paths, fingerprint, channels);
  // The journal of another request speaks of features that are overwritten now.
  if (start.windowRows === 0) await rm(paths.journal, { force: true });
  else await readThumbnail(thumbnail, paths.thumbnail);
  const file = await open(paths.features, start.windowRows === 0 ? "w" : "r+").catch((error) => {
    throw explain(error, paths.features);
  });
  await file.truncate(finished(start.windowRows) * rowBytes);
  return {
    path: paths.features,
    ...start,
    async save({ windowRows, firstRow, rows, pending, thumbnail: { stack } }) {
      try {
        await writeAt(file, bytesOf(rows), firstRow * rowBytes);
        await file.datasync();
      } catch (error) {
        throw explain(error, paths.features);
      }
      await writeAtomic(paths.pending[windowRows % 2]!, bytesOf(pending));
      await writeAtomic(paths.thumbnail, [bytesOf(stack.data), stack.mask]);
      await writeAtomic(paths.journal, JSON.stringify({ fingerprint, windowRows, channels } satisfies Journal));
    },
    close: () => file.close(),
  };
}

async function resumePoint(
  paths: { pending: readonly string[]; journal: string },
  fingerprint: string,
  channels: number,
): Promise<{ windowRows: number; pending: Float32Array | undefined }> {
  try {
    const journal = JSON.parse(await readFile(paths.journal, "utf8")) as Journal;
    if (journal.fingerprint !== fingerprint || journal.channels !== channels) throw new Error("another run");
    const bytes = await readFile(paths.pending[journal.windowRows % 2]!);
    return { windowRows: journal.windowRows, pending: new Float32Array(new Uint8Array(bytes).buffer) };
  } catch {
    return { windowRows: 0, pending: undefined }; // nothing to go on from
  }
}

async function readThumbnail({ stack: { data, mask } }: Thumbnail, path: string): Promise<void> {
  const bytes = await readFile(path);
  new Uint8Array(data.buffer).set(bytes.subarray(0, data.byteLength));
  mask.set(bytes.subarray(data.byteLength));
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

import type { Window } from "../core/grid.ts";
import type { ImageStack, Place } from "../core/place.ts";
import type { LongCall } from "../core/progress.ts";
import type { Scene } from "../imagery/scene/scene.ts";
import type { MpiCommunicator } from "../runtime/mpi.node.ts";
import { inChunks } from "./engine.ts";
import type { FeatureFile } from "./feature-file.node.ts";
import { createThumbnail, pictureBands, type Thumbnail } from "./thumbnail.ts";
import { createBlender, finishedRows, rowWindows, type Tiling } from "./tiling.ts";
import { openWorkFolder, type WorkFolder } from "./work-folder.node.ts";

/** What processes that divide a scene need of each other. */
export type EmbedCommunicator = Pick<MpiCommunicator, "rank" | "size" | "broadcast" | "allGather">;

const alone: EmbedCommunicator = { rank: 0, size: 1, broadcast: async () => {}, allGather: async (values) => values };

export interface BlendOptions<P extends Place> extends LongCall {
  scene: Scene;
  tiling: Tiling;
  /** Windows that are read and computed together. */
  batch: number;
  /** Numbers that a cell gets. */
  channels: number;
  /** What is done, for progress: "embed". */
  phase: string;
  /** The images of a window, and whatever else `compute` needs to know of it. */
  read: (window: Window) => Promise<P>;
  /** [cells, channels] of each window; NaN where a cell is not valid. */
  compute: (places: readonly P[]) => Promise<readonly Float32Array[]>;
  /** Folder for the features on their way, and for going on after an interruption. */
  work: string;
  /** Whatever the features depend on: another fingerprint starts anew. */
  fingerprint: string;
  /** What the thumbnail shows. Default: the first sensor's images in true colour, all dates together. */
  picture?: { bands: readonly string[]; of: (images: ImageStack) => ImageStack } | undefined;
  /** Processes that make the same call, to divide the windows among them. */
  communicator?: EmbedCommunicator | undefined;
}

/** The blended map, and how the run went. Only rank 0 has the file and the thumbnail. */
export interface BlendedScene extends FeatureFile {
  /** The images of the scene's first sensor, small. */
  thumbnail: Thumbnail["stack"];
  /** Rows that were there from an interrupted run. */
  resumedRows: number;
  /** Seconds that this process spent waiting for images, and in all. */
  seconds: { reading: number; total: number };
}

/** Windows of one row that are read and encoded together. */
interface Chunk {
  row: number;
  windows: readonly { window: Window; column: number }[];
}

/**
 * Compute a map of a scene window by window and blend the windows on disk. Memory holds one row of windows.
 *
 * After every row of windows its finished rows of cells, the unfinished sums and a journal are on disk, so that the
 * same call goes on where an interrupted one stopped, with the same result.
 *
 * Several processes take chunks of windows in turn, the same chunks that one process would take, and rank 0 blends and
 * writes them in the order of the windows: bit for bit what one process writes.
 */
export async function blendScene<P extends Place>(options: BlendOptions<P>): Promise<BlendedScene> {
  const { scene, tiling, work, fingerprint, channels, communicator = alone, onProgress } = options;
  const { rank, size } = communicator;
  const { width, height } = scene.grid;
  const { sensor, bands, grid: pixels } = scene.sensors[0]!;
  const thumbnail = createThumbnail({
    sensor,
    ...pixels,
    bands: options.picture?.bands ?? pictureBands(sensor, bands),
  });
  const finished = (rows: number) => (rows === 0 ? 0 : finishedRows(tiling, rows - 1)[1]);
  const rowBytes = width * channels * 4;
  const folder =
    rank === 0 ? await openWorkFolder(work, { fingerprint, channels, rowBytes, thumbnail, finished }) : undefined;
  try {
    const start = Float32Array.of(folder?.windowRows ?? 0);
    await communicator.broadcast(start);
    const chunks = chunksOf(tiling, { firstRow: start[0]!, batch: options.batch });
    const collect = folder && collector(options, { folder, thumbnail, onProgress });
    const seconds = { reading: 0, total: 0 };
    const began = performance.now();
    let collected: Promise<void> = Promise.resolve();
    const rounds = Array.from({ length: Math.ceil(chunks.length / size) }, (_, i) =>
      chunks.slice(i * size, (i + 1) * size),
    );
    await inChunks(rounds, 1, ([round]) => {
      // Blending keeps the order of the windows whatever finishes first, or sums would round differently.
      const before = collected;
      const own = computeChunk(options, round![rank], { thumbnail, seconds });
      own.catch(() => {}); // reported below
      collected = (async () => {
        await before;
        const all = await communicator.allGather(await own);
        await collect?.(round!, all);
      })();
      return collected;
    });
    seconds.total = (performance.now() - began) / 1000;
    const { stack } = thumbnail;
    const file = { path: folder?.path ?? "", width, height, channels };
    return { ...file, thumbnail: stack, resumedRows: finished(start[0]!), seconds };
  } finally {
    await folder?.close();
  }
}

function chunksOf(tiling: Tiling, { firstRow, batch }: { firstRow: number; batch: number }): Chunk[] {
  const chunks: Chunk[] = [];
  for (let row = firstRow; row < tiling.rows.starts.length; row++) {
    const windows = rowWindows(tiling, row).map((window, column) => ({ window, column }));
    for (let i = 0; i < windows.length; i += batch) chunks.push({ row, windows: windows.slice(i, i + batch) });
  }
  return chunks;
}

/** What a chunk gives, as it goes from process to process: of each window its part of the thumbnail and its features. */
async function computeChunk<P extends Place>(
  options: BlendOptions<P>,
  chunk: Chunk | undefined,
  { thumbnail, seconds }: { thumbnail: Thumbnail; seconds: { reading: number } },
): Promise<Float32Array> {
  const { scene, read, compute, picture, signal } = options;
  signal?.throwIfAborted();
  if (chunk === undefined) return new Float32Array(0); // the last round has fewer chunks than ranks, maybe
  const waited = performance.now();
  const places = await Promise.all(chunk.windows.map(({ window }) => read(window)));
  seconds.reading += (performance.now() - waited) / 1000;
  const computed = await compute(places);
  const { sensor } = scene.sensors[0]!;
  const side = sensor === "hr" ? scene.hrPixelsPerCell : 1;
  return joined(
    chunk.windows.flatMap(({ window: [col, row] }, i) => [
      thumbnail.part([col * side, row * side], picture?.of(places[i]![sensor]!) ?? places[i]![sensor]!),
      computed[i]!,
    ]),
  );
}

/** On rank 0: blends what a round of chunks gave, and saves every row of windows once it is complete. */
function collector(
  { tiling, scene, channels, phase }: Pick<BlendOptions<Place>, "tiling" | "scene" | "channels" | "phase">,
  { folder, thumbnail, onProgress }: { folder: WorkFolder; thumbnail: Thumbnail } & Pick<LongCall, "onProgress">,
) {
  const { pending } = folder;
  const blender = createBlender(tiling, { width: scene.grid.width, channels, ...(pending && { pending }) });
  const [rows, columns] = [tiling.rows.starts.length, tiling.columns.starts.length];
  return async (round: readonly Chunk[], all: Float32Array): Promise<void> => {
    let at = 0;
    for (const { row, windows } of round) {
      for (const { window, column } of windows) {
        at += thumbnail.put(all.subarray(at));
        const length = window[2] * window[3] * channels;
        blender.add(row, column, all.subarray(at, at + length));
        at += length;
      }
      const last = windows.at(-1)!.column;
      onProgress?.({ phase, done: row * columns + last + 1, total: rows * columns, unit: "windows" });
      if (last < columns - 1) continue;
      const [firstRow] = finishedRows(tiling, row);
      const rowsDone = blender.take(row);
      await folder.save({ windowRows: row + 1, firstRow, rows: rowsDone, pending: blender.pending(), thumbnail });
    }
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

import { open } from "node:fs/promises";

/** Blended features of a scene on disk, row by row of cells: float32 [height, width, channels], NaN where invalid. */
export interface FeatureFile {
  path: string;
  width: number;
  height: number;
  channels: number;
}

/** Rows of a feature file, a few at a time: [rows, width, channels] with the first row's number. */
export async function* featureRows(
  { path, width, height, channels }: FeatureFile,
  {
    rows = Math.max(1, Math.floor(2 ** 22 / (width * channels))),
    signal,
  }: { rows?: number; signal?: AbortSignal } = {},
): AsyncGenerator<{ first: number; count: number; data: Float32Array }> {
  const file = await open(path, "r");
  try {
    for (let first = 0; first < height; first += rows) {
      signal?.throwIfAborted();
      const count = Math.min(rows, height - first);
      const data = new Float32Array(count * width * channels);
      const bytes = new Uint8Array(data.buffer);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, first * width * channels * 4);
      if (bytesRead !== bytes.length) throw new Error(`internal: ${path} ends in row ${first}`);
      yield { first, count, data };
    }
  } finally {
    await file.close();
  }
}

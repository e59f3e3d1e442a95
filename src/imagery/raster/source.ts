import { damaged } from "./errors.ts";

export interface ByteRange {
  offset: number;
  length: number;
}

/** Random access to the bytes of a file, wherever it lies. */
export interface ByteSource {
  readonly path: string;
  /** Bytes in the file. */
  readonly size: number;
  /** One array a range, of exactly the length asked for; a range beyond the end is an error. */
  read(ranges: readonly ByteRange[], signal?: AbortSignal): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

/** @throws SkySenseError `RASTER_DAMAGED` when a range is not inside the file: nothing is allocated before this. */
export function checkRanges(source: { path: string; size: number }, ranges: readonly ByteRange[]): void {
  for (const { offset, length } of ranges) {
    if (!(offset >= 0 && length >= 0 && offset + length <= source.size)) {
      throw damaged(
        source.path,
        `the file has ${source.size} bytes, but its directory points to bytes ${offset} to ${offset + length}`,
      );
    }
  }
}

/** A file that is already in memory. */
export function memorySource(path: string, bytes: Uint8Array): ByteSource {
  const source = { path, size: bytes.length };
  return {
    ...source,
    async read(ranges) {
      checkRanges(source, ranges);
      return ranges.map(({ offset, length }) => bytes.subarray(offset, offset + length));
    },
    async close() {},
  };
}

/**
 * Reads of many small pieces that lie close together, as directories do: fetches at least `ahead` bytes and keeps them.
 */
export function readAhead(source: ByteSource, ahead = 1 << 16): (range: ByteRange) => Promise<Uint8Array> {
  const chunks: { offset: number; bytes: Uint8Array }[] = [];
  return async (range) => {
    checkRanges(source, [range]);
    const { offset, length } = range;
    for (const chunk of chunks) {
      const start = offset - chunk.offset;
      if (start >= 0 && start + length <= chunk.bytes.length) return chunk.bytes.subarray(start, start + length);
    }
    const [bytes] = await source.read([{ offset, length: Math.max(length, Math.min(ahead, source.size - offset)) }]);
    chunks.unshift({ offset, bytes: bytes! });
    chunks.splice(8);
    return bytes!.subarray(0, length);
  };
}

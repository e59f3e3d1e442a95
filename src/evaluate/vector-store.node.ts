import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { bug, SkySenseError } from "../core/error.ts";
import { explain } from "../core/write-atomic.node.ts";

/** Vectors of one length on disk, by name. Appending is all that happens to the file, so a killed run loses little. */
export interface VectorStore {
  get(key: string): Float32Array | undefined;
  /** @param seconds  what one of them took; NaN: not measured */
  append(entries: readonly (readonly [key: string, vector: Float32Array])[], seconds: number): Promise<void>;
  /** Length of the vectors; 0: none yet. */
  dimensions(): number;
  /** Mean of what was measured for `keys`; NaN: nothing. */
  seconds(keys: readonly string[]): number;
  close(): Promise<void>;
}

// The file: "SKYVEC1\n", the dimensions as uint32, then records of a digest of the key, seconds, the vector as
// float32, and a checksum; little-endian, as every machine that Node runs on.
const magic = "SKYVEC1\n";
const headBytes = 12;
const keyBytes = 16;

/**
 * Open or make a store. Records that were not written to their end are dropped.
 * @throws SkySenseError `BAD_STORE`: another file has that name | `NOT_WRITABLE` | `DISK_FULL`
 */
export async function openVectorStore(path: string): Promise<VectorStore> {
  const file = await attempt(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(path, "a+");
  });
  const known = new Map<string, { vector: Float32Array; seconds: number }>();
  let dimensions = await load(file, path, known).catch(async (error) => {
    await file.close();
    throw error;
  });
  return {
    get: (key) => known.get(digest(key))?.vector,
    dimensions: () => dimensions,
    async append(entries, seconds) {
      if (entries.length === 0) return;
      const parts: Uint8Array[] = [];
      if (dimensions === 0) {
        dimensions = entries[0]![1].length;
        parts.push(Buffer.from(magic), new Uint8Array(Uint32Array.of(dimensions).buffer));
      }
      for (const [key, vector] of entries) {
        if (vector.length !== dimensions) throw bug(`a vector of ${vector.length} among those of ${dimensions}`);
        const own = Float32Array.from(vector);
        known.set(digest(key), { vector: own, seconds });
        parts.push(record(digest(key), own, seconds));
      }
      await attempt(path, () => file.appendFile(Buffer.concat(parts)));
    },
    seconds(keys) {
      const measured = keys.flatMap((key) => known.get(digest(key))?.seconds ?? []).filter((s) => !Number.isNaN(s));
      return measured.reduce((sum, s) => sum + s, 0) / measured.length;
    },
    close: () => file.close(),
  };
}

async function load(
  file: FileHandle,
  path: string,
  known: Map<string, { vector: Float32Array; seconds: number }>,
): Promise<number> {
  const bytes = await file.readFile();
  if (bytes.length < headBytes && magic.startsWith(bytes.toString("latin1", 0, magic.length))) {
    await file.truncate(0);
    return 0;
  }
  if (bytes.toString("latin1", 0, magic.length) !== magic) {
    throw new SkySenseError({
      code: "BAD_STORE",
      what: "this is no file of vectors",
      where: path,
      remedy: "Remove it, or choose another folder for the cache.",
    });
  }
  const dimensions = bytes.readUInt32LE(magic.length);
  const size = keyBytes + 4 + 4 * dimensions + 4;
  let end = headBytes;
  for (; end + size <= bytes.length; end += size) {
    const one = bytes.subarray(end, end + size);
    if (!one.subarray(size - 4).equals(checksum(one.subarray(0, size - 4)))) break;
    const numbers = new Float32Array(one.buffer.slice(one.byteOffset + keyBytes, one.byteOffset + size - 4));
    known.set(one.toString("hex", 0, keyBytes), { seconds: numbers[0]!, vector: numbers.subarray(1) });
  }
  if (end < bytes.length) await file.truncate(end);
  return dimensions;
}

function record(key: string, vector: Float32Array, seconds: number): Uint8Array {
  const body = Buffer.concat([
    Buffer.from(key, "hex"),
    new Uint8Array(Float32Array.of(seconds).buffer),
    new Uint8Array(vector.buffer),
  ]);
  return Buffer.concat([body, checksum(body)]);
}

function digest(key: string): string {
  return createHash("sha256")
    .update(key)
    .digest("hex")
    .slice(0, 2 * keyBytes);
}

function checksum(bytes: Uint8Array): Buffer {
  return createHash("sha1").update(bytes).digest().subarray(0, 4);
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explain(error, path);
  }
}

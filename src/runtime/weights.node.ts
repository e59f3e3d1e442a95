import { createHash } from "node:crypto";
import { closeSync, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { SkySenseError } from "../core/error.ts";
import { unreadable } from "../core/read-file.node.ts";
import { headerEnd, readHeader, type StoredEntry, viewTensor } from "../core/safetensors.ts";
import { type Mapping, mapFile, pageBytes } from "./mapping.node.ts";
import { type Weights, type WeightsSource, weightsFromTensors, weightsTable } from "./weights.ts";

/** Node 20 ends the process when a view on mapped memory is larger: 4 GiB. */
const maxSegmentBytes = 2 ** 32;

/** A stretch of the file that holds whole tensors. */
interface Segment {
  begin: number;
  end: number;
}

/**
 * Open a .safetensors file as a table of tensors. The file is memory-mapped: opening takes milliseconds, numbers come
 * from the disk when they are read, and threads that open the same file share the memory. Where mapping is not to be
 * had (Windows, no koffi binary), the file is read.
 *
 * @throws SkySenseError `FILE_UNREADABLE` | `CORRUPT_SAFETENSORS` | `UNSUPPORTED_DTYPE`
 */
export function openWeights(file: string): Weights {
  const fd = openFile(file);
  try {
    const fileBytes = fstatSync(fd).size;
    const first8 = readBytes(fd, { offset: 0, length: Math.min(8, fileBytes) });
    const prefix = readBytes(fd, { offset: 0, length: headerEnd(first8, { file, fileBytes }) });
    const { entries, metadata } = readHeader(prefix, { file, fileBytes });
    const segments = divide([...entries.values()]).map((segment) => load(fd, segment));
    return weightsTable({
      name: file,
      metadata,
      entries,
      source: { file },
      load: (name) => {
        const entry = entries.get(name)!;
        const { bytes, begin } = segments.find(({ begin, bytes }) => begin + bytes.length >= entry.end)!;
        return viewTensor(entry, bytes, begin);
      },
      digest: () => hashFile(file),
      release: () => {
        for (const segment of segments.splice(0)) segment.release();
      },
    });
  } catch (error) {
    throw error instanceof SkySenseError ? error : unreadable(file, error);
  } finally {
    closeSync(fd); // a mapping outlives the descriptor
  }
}

/** Open what another thread described. */
export function openSource(source: WeightsSource): Weights {
  return "file" in source ? openWeights(source.file) : weightsFromTensors(source.tensors, { name: source.name });
}

function openFile(file: string): number {
  try {
    return openSync(file, "r");
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Cut the file into stretches that can be mapped; a tensor never lies in two. */
function divide(entries: StoredEntry[]): Segment[] {
  const segments: Segment[] = [];
  for (const { begin, end } of entries.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const last = segments.at(-1);
    if (last !== undefined && end - last.begin <= maxSegmentBytes) last.end = end;
    else segments.push({ begin: begin - (begin % pageBytes), end });
  }
  return segments;
}

function load(fd: number, { begin, end }: Segment): Mapping & { begin: number } {
  const length = end - begin;
  const mapped = length <= maxSegmentBytes ? mapFile(fd, { offset: begin, length }) : undefined;
  return { begin, ...(mapped ?? { bytes: readBytes(fd, { offset: begin, length }), release: () => {} }) };
}

function readBytes(fd: number, { offset, length }: { offset: number; length: number }): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    // One call reads 2 GiB at most.
    const count = readSync(fd, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
    if (count === 0) throw new Error("the file became shorter while it was read");
    done += count;
  }
  return bytes;
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest("hex");
}

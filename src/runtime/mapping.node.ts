import { createRequire } from "node:module";

/** Bytes of a file in memory. */
export interface Mapping {
  /** Stays valid as long as somebody holds it, also after `release`. */
  bytes: Uint8Array;
  /** Give the pages back now; they come again from the file if a view is still read. */
  release: () => void;
}

interface Libc {
  mmap: (address: null, length: number, protection: number, flags: number, fd: number, offset: number) => bigint;
  munmap: (address: bigint, length: number) => number;
  madvise: (address: bigint, length: number, advice: number) => number;
  view: (address: bigint, length: number) => ArrayBuffer;
}

const PROT_READ = 1;
const MAP_PRIVATE = 2;
const MADV_DONTNEED = 4;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** Offsets of mappings must be multiples of the page size; 64 KiB is one on every system. */
export const pageBytes = 65536;

let libc: Libc | undefined | false;

/** mmap through koffi: on Linux and macOS; undefined where koffi has no binary or the system is another. */
function loadLibc(): Libc | undefined {
  if (libc !== undefined) return libc || undefined;
  libc = false;
  if (process.platform !== "linux" && process.platform !== "darwin") return undefined;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi").default;
    const library = koffi.load(null); // the C library that Node itself runs on
    libc = {
      mmap: library.func("void* mmap(void*, size_t, int, int, int, int64_t)"),
      munmap: library.func("int munmap(void*, size_t)"),
      madvise: library.func("int madvise(void*, size_t, int)"),
      view: (address, length) => koffi.view(address, length) as ArrayBuffer,
    };
  } catch {
    return undefined; // mapping only saves memory: without it files are read
  }
  return libc;
}

/**
 * A mapping is taken down when the last view on it has been collected, never before: koffi's buffers cannot be
 * detached, and reading through a view on unmapped memory would end the process.
 */
const unmapWhenCollected = new FinalizationRegistry<{ address: bigint; length: number }>(({ address, length }) => {
  if (libc) libc.munmap(address, length);
});

/**
 * Map `length` bytes of an open file from `offset`, a multiple of {@link pageBytes}; read-only: writing to the bytes
 * ends the process. A file that shrinks while it is mapped does too, so files are replaced, never rewritten.
 *
 * @returns undefined where mapping is not to be had.
 */
export function mapFile(fd: number, { offset, length }: { offset: number; length: number }): Mapping | undefined {
  const system = loadLibc();
  if (system === undefined || length === 0) return undefined;
  const address = system.mmap(null, length, PROT_READ, MAP_PRIVATE, fd, offset);
  if (address === MAP_FAILED) return undefined;
  const buffer = system.view(address, length);
  unmapWhenCollected.register(buffer, { address, length });
  return { bytes: new Uint8Array(buffer), release: () => system.madvise(address, length, MADV_DONTNEED) };
}

import type { RasterData } from "../raster.ts";

/** Decoded blocks, the least recently used dropped first. One cache may serve many rasters. */
export interface BlockCache {
  /** The block, or undefined: load it and `put` it. */
  get(key: string): Promise<RasterData> | undefined;
  /** Keep a block that is being loaded. Another reader that asks meanwhile gets the same promise. */
  put(key: string, block: Promise<RasterData>): void;
  /** Forget all blocks whose key starts so. */
  drop(prefix: string): void;
  /** Bytes held now. */
  readonly bytes: number;
}

/** @param maxBytes Bound on the decoded bytes held; blocks in the hands of readers come on top. */
export function blockCache(maxBytes: number): BlockCache {
  const blocks = new Map<string, { block: Promise<RasterData>; bytes: number }>();
  let held = 0;
  function remove(key: string): void {
    held -= blocks.get(key)?.bytes ?? 0;
    blocks.delete(key);
  }
  return {
    get bytes() {
      return held;
    },
    get(key) {
      const entry = blocks.get(key);
      if (entry === undefined) return undefined;
      blocks.delete(key); // a Map keeps the order of insertion: the oldest stands first
      blocks.set(key, entry);
      return entry.block;
    },
    put(key, block) {
      const entry = { block, bytes: 0 };
      blocks.set(key, entry);
      block.then(
        (data) => {
          if (blocks.get(key) !== entry) return;
          entry.bytes = data.byteLength;
          held += data.byteLength;
          for (const oldest of blocks.keys()) {
            if (held <= maxBytes) break;
            remove(oldest);
          }
        },
        () => {
          if (blocks.get(key) === entry) blocks.delete(key);
        },
      );
    },
    drop(prefix) {
      for (const key of [...blocks.keys()]) if (key.startsWith(prefix)) remove(key);
    },
  };
}

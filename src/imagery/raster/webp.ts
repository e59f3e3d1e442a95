import { damaged } from "./errors.ts";

/**
 * Refuse a WebP that ends before its header says: decoders fill the rest with black.
 *
 * @param head At least the first 12 bytes.
 * @param size Bytes that are there.
 * @throws SkySenseError `RASTER_DAMAGED`; other formats pass.
 */
export function checkWebpLength(path: string, head: Uint8Array, size: number): void {
  const text = String.fromCharCode(...head.subarray(0, 4), ...head.subarray(8, 12));
  if (text !== "RIFFWEBP") return;
  const claimed = 8 + new DataView(head.buffer, head.byteOffset).getUint32(4, true);
  if (claimed > size) throw damaged(path, `a WebP of ${claimed} bytes ends after ${size}`);
}

import type { StackBatch } from "./stack-batch.ts";

/** 1 for cells of `side` pixels of an image at least half of whose pixels are valid; undefined: all are. */
export function validCells(
  { mask, shape: [, , , height, width] }: StackBatch,
  { image, side }: { image: number; side: number },
): Uint8Array | undefined {
  if (mask === undefined) return undefined;
  const columns = width / side;
  const counts = new Uint32Array((height / side) * columns);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      counts[Math.floor(y / side) * columns + Math.floor(x / side)]! += mask[(image * height + y) * width + x]!;
    }
  }
  return Uint8Array.from(counts, (count) => (2 * count >= side * side ? 1 : 0));
}

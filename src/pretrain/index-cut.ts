import type { Window } from "../core/grid.ts";

/**
 * Cut a grid into patches of about `side` pixels that cover it without overlap, but for less than one pixel a patch at
 * its right and lower edge. All are of one size: between two thirds and one and a half times `side`, or the whole where
 * it is smaller.
 */
export function cutIntoPatches({ width, height }: { width: number; height: number }, side: number): Window[] {
  const [across, down] = [width, height].map((length) => Math.max(1, Math.round(length / side))) as [number, number];
  const [w, h] = [Math.floor(width / across), Math.floor(height / down)];
  return Array.from(
    { length: across * down },
    (_, i) => [(i % across) * w, Math.floor(i / across) * h, w, h] as const,
  );
}

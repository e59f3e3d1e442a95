import type { Window } from "../core/grid.ts";

/**
 * Cut a grid into patches of about `side` pixels, all of one size: between two thirds and one and a half times `side`,
 * or the whole where it is smaller. They do not overlap, and lie at most one pixel apart.
 */
export function cutIntoPatches({ width, height }: { width: number; height: number }, side: number): Window[] {
  const [across, down] = [width, height].map((length) => Math.max(1, Math.round(length / side))) as [number, number];
  const [w, h] = [Math.floor(width / across), Math.floor(height / down)];
  return Array.from({ length: across * down }, (_, i) => {
    const [x, y] = [i % across, Math.floor(i / across)];
    return [Math.floor((x * width) / across), Math.floor((y * height) / down), w, h] as const;
  });
}

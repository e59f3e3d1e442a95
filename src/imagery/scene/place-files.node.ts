import { SkySenseError } from "../../core/error.ts";
import type { Window } from "../../core/grid.ts";
import type { OpenSceneOptions } from "./open-scene.node.ts";

/** Files of a place, as plain data: another thread can read them. */
export interface PlaceFiles {
  files: readonly string[];
  /** Default: one file is an HR picture in colours, or says itself what it is. */
  options?: Omit<OpenSceneOptions, "signal">;
  /**
   * The patch to read of a larger scene, in pixels of its grid: Sentinel pixels (cells) where the place has Sentinel
   * images, HR pixels where HR is alone. It must lie inside. Default: the whole.
   */
  window?: Window;
}

/** @throws SkySenseError `WINDOW_OUTSIDE` */
export function checkInside(
  window: Window,
  { width, height }: { width: number; height: number },
  where: string,
): void {
  const [col, row, w, h] = window;
  const inside = col >= 0 && row >= 0 && w >= 1 && h >= 1 && col + w <= width && row + h <= height;
  if (inside && window.every(Number.isInteger)) return;
  throw new SkySenseError({
    code: "WINDOW_OUTSIDE",
    what: `the window [${window.join(", ")}] does not lie inside the ${width} × ${height} pixels of the place`,
    where,
    remedy: "Windows are [col, row, width, height] in whole pixels from the upper-left corner.",
  });
}

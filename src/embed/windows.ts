import { SkySenseError } from "../core/error.ts";
import type { SceneSensor } from "../imagery/scene/scene.ts";

/** How a scene is cut. All in cells; every field has a default. */
export interface WindowOptions {
  /** Side of what the model sees at once. Default 16 with HR (512 pixels), else 32; less for long series. */
  window?: number | undefined;
  /** Cells that neighbouring windows share. Default a quarter of the window. */
  overlap?: number | undefined;
  /** Side of a tile that gets one vector. Default the window. */
  tile?: number | undefined;
}

/** How a scene is cut, for `tileScene`, and how many windows go together. */
interface TilingChoice {
  window: number;
  overlap: number;
  tile: number;
  period: number;
  falloff: number;
  batch: number;
}

/** Tokens (cells × dates) of one window, and of the windows that are encoded together. */
const maxWindowTokens = 65_536;
const batchTokens = 1_024;

/**
 * Fill in the defaults for a scene.
 *
 * @param options.period  Windows start at multiples of it (see `commonPeriod`), or the patches and windows of the
 *   encoders would lie elsewhere than in a neighbouring window: neighbours then share more than `overlap` cells.
 * @throws SkySenseError `BAD_WINDOW`
 */
export function chooseWindows(
  { sensors }: { sensors: readonly Pick<SceneSensor, "sensor" | "dates">[] },
  { window, overlap, tile, period = 1 }: WindowOptions & { period?: number },
): TilingChoice {
  const dates = sensors.reduce((sum, { dates }) => sum + dates.length, 0);
  const hr = sensors.filter(({ sensor }) => sensor === "hr").length;
  let side = window ?? (hr > 0 ? 16 : 32);
  if (window === undefined) {
    while (side > 8 && side * side * dates > maxWindowTokens) side /= 2;
    side = Math.ceil(side / period) * period;
  }
  const chosen = { window: side, overlap: overlap ?? Math.floor(side / 4), tile: tile ?? side };
  for (const [name, value] of Object.entries(chosen)) {
    if (!Number.isInteger(value) || value < (name === "overlap" ? 0 : 1)) {
      throw bad(`${name} must be a whole number of cells, not ${value}`);
    }
  }
  if (side % period !== 0) throw bad(`a window of ${side} cells is no multiple of the model's ${period}`);
  if (chosen.overlap * 2 > side) {
    throw bad(`an overlap of ${chosen.overlap} cells is more than half of the window of ${side}`);
  }
  const stride = Math.max(period, Math.floor((side - chosen.overlap) / period) * period);
  const batch = Math.max(1, Math.min(16, Math.floor(batchTokens / (side * side * dates))));
  // What lies beyond a window's end changes the cells near it in the Swin encoder, so these had better be the
  // neighbour's: the cube halves the difference to a scene in one window. The Vision Transformers see all of a window
  // at every cell: there only a slow change from one to the next shows no seam.
  const falloff = hr === sensors.length ? 3 : 1;
  return { ...chosen, overlap: side - stride, period, falloff, batch };
}

function bad(what: string): SkySenseError {
  return new SkySenseError({ code: "BAD_WINDOW", what, remedy: "Choose another --window or --overlap." });
}

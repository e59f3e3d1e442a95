import type { Grid, Window } from "../../core/grid.ts";
import type { ImageStack } from "../../core/place.ts";
import type { Raster } from "../raster.ts";
import { profiles } from "../sensor/profiles.ts";
import { layersOf, type Placement } from "./cells.ts";
import { type Layer, readLayer } from "./layer.ts";
import { axis, resamplePlane, type Taps, taps } from "./resample.ts";
import type { Series } from "./series.ts";

/** Put a raster onto another grid: see `warpOnto`. The result has exactly `grid`, and a mask of what is covered. */
export type Warp = (
  raster: Raster,
  grid: Grid,
  options: { bands: readonly number[]; signal?: AbortSignal },
) => Promise<Raster>;

/** A sensor's images on the stack grid. */
export interface PlacedSeries {
  series: Series;
  grid: Grid;
  placements: ReadonlyMap<Layer, Placement>;
  /** The layer on the stack grid: warped at its first use, once. */
  warped: (layer: Layer, signal?: AbortSignal) => Promise<Layer>;
}

/**
 * Read a window of stack pixels. Outside of the grid the nearest pixel is repeated.
 *
 * @param window  in pixels of the stack grid; must touch it
 */
export async function readStack(
  { series, grid, placements, warped }: PlacedSeries,
  window: Window,
  signal?: AbortSignal,
): Promise<ImageStack> {
  const inside = clip(window, grid);
  const plane = inside[2] * inside[3];
  const { frames, bands, sensor } = series;
  const values = new Float32Array(frames.length * bands.length * plane).fill(Number.NaN);
  const mask = new Uint8Array(frames.length * plane).fill(1);

  for (const layer of layersOf(series)) {
    signal?.throwIfAborted();
    const wanted = frames.flatMap((frame, t) =>
      bands.flatMap((band, b) => {
        const source = frame.bands.get(band)!;
        return source.layer === layer ? [{ index: source.index, t, b }] : [];
      }),
    );
    const placement = placements.get(layer)!;
    const source = placement.how === "warp" ? await warped(layer, signal) : layer;
    const { cols, rows } = placement.how === "warp" ? onto(grid) : placement;
    const across = taps(cols, inside[0], inside[0] + inside[2]);
    const down = taps(rows, inside[1], inside[1] + inside[3]);
    if (across.count === 0 || down.count === 0) continue;
    const read = await readLayer(source, {
      window: [across.first, down.first, across.count, down.count],
      bands: wanted.map(({ index }) => index),
      signal,
    });
    const size = across.count * down.count;
    for (const [i, { t, b }] of wanted.entries()) {
      const start = (t * bands.length + b) * plane;
      resamplePlane(read.subarray(i * size, (i + 1) * size), across, down, values.subarray(start, start + plane));
    }
    const beyond = outsideOf(across, down);
    for (const t of beyond === undefined ? [] : new Set(wanted.map(({ t }) => t))) {
      for (let p = 0; p < plane; p++) mask[t * plane + p]! &= 1 - beyond![p]!;
    }
  }
  fillEmpty(values, mask, { frames: frames.length, means: meansOf(sensor, bands) });
  const planes = { values, mask, shape: [frames.length, bands.length, inside[3], inside[2]] as const };
  const { data, mask: padded } = pad(planes, window, inside);
  return {
    data,
    shape: [frames.length, bands.length, window[3], window[2]],
    bands,
    mask: padded.includes(0) ? padded : undefined,
    dates: frames.map(({ date }) => date),
  };
}

/** [rows, cols] 1 where the nearest pixel of the file stands in for one outside; undefined: nowhere. */
function outsideOf(across: Taps, down: Taps): Uint8Array | undefined {
  if (!across.pixels.some(({ outside }) => outside) && !down.pixels.some(({ outside }) => outside)) return undefined;
  return Uint8Array.from(down.pixels.flatMap((y) => across.pixels.map((x) => (x.outside || y.outside ? 1 : 0))));
}

/** A pixel without data in one band is masked and gets the mean in all. */
function fillEmpty(
  values: Float32Array,
  mask: Uint8Array,
  { frames, means }: { frames: number; means: number[] },
): void {
  const plane = mask.length / frames;
  for (let t = 0; t < frames; t++) {
    const frame = values.subarray(t * means.length * plane, (t + 1) * means.length * plane);
    // A sum with NaN is NaN: most images have none, and need no second look.
    let sum = 0;
    for (let i = 0; i < frame.length; i++) sum += frame[i]! * 0;
    if (sum === 0) continue;
    for (let p = 0; p < plane; p++) {
      let empty = false;
      for (let b = 0; b < means.length; b++) empty ||= Number.isNaN(frame[b * plane + p]!);
      if (!empty) continue;
      mask[t * plane + p] = 0;
      for (let b = 0; b < means.length; b++) frame[b * plane + p] = means[b]!;
    }
  }
}

function meansOf(sensor: Series["sensor"], bands: readonly string[]): number[] {
  const { div, bands: known } = profiles[sensor];
  return bands.map((name) => known.find((band) => band.name === name)!.normalisation!.mean * div);
}

interface Planes {
  values: Float32Array;
  mask: Uint8Array;
  shape: readonly [frames: number, bands: number, height: number, width: number];
}

/** Continue the image from its edge where the window sticks out of the grid; the mask is 0 there. */
function pad(
  { values, mask, shape }: Planes,
  window: Window,
  inside: Window,
): { data: Float32Array; mask: Uint8Array } {
  const [col, row, width, height] = window;
  if (width === inside[2] && height === inside[3]) return { data: values, mask };
  const [frames, bands, h, w] = shape;
  const left = inside[0] - col;
  const top = inside[1] - row;
  const data = new Float32Array(frames * bands * height * width);
  for (let n = 0; n < frames * bands; n++) {
    for (let y = 0; y < height; y++) {
      const from = (n * h + Math.min(Math.max(y - top, 0), h - 1)) * w;
      const to = (n * height + y) * width;
      data.fill(values[from]!, to, to + left);
      data.set(values.subarray(from, from + w), to + left);
      data.fill(values[from + w - 1]!, to + left + w, to + width);
    }
  }
  const padded = new Uint8Array(frames * height * width);
  for (let t = 0; t < frames; t++) {
    for (let y = 0; y < h; y++) {
      padded.set(mask.subarray((t * h + y) * w, (t * h + y + 1) * w), (t * height + y + top) * width + left);
    }
  }
  return { data, mask: padded };
}

function clip([col, row, width, height]: Window, grid: Grid): Window {
  const [left, top] = [Math.max(0, col), Math.max(0, row)];
  return [left, top, Math.min(grid.width, col + width) - left, Math.min(grid.height, row + height) - top];
}

function onto({ width, height }: Grid) {
  const same = (length: number) => axis({ step: 1, origin: 0, length, reach: 1 });
  return { cols: same(width), rows: same(height) };
}

import type { Grid, Window } from "../../core/grid.ts";
import type { ImageStack, Location, SensorName } from "../../core/place.ts";
import { normalise } from "../sensor/normalise.ts";
import { profiles } from "../sensor/profiles.ts";
import { type BandStatistics, statistics } from "../sensor/statistics.ts";
import { spreadWindows } from "./sample.ts";
import type { Decision, Scene } from "./scene.ts";

type Range = Pick<BandStatistics, "min" | "mean" | "max" | "std">;

/** What `skysense inspect` shows: plain data, ready for JSON. */
export interface SceneDescribed {
  grid: Grid;
  hrPixelsPerCell: number;
  location?: Location;
  /** How many cells of the scene were looked at. */
  sampledCells: number;
  sensors: SensorDescribed[];
  decisions: readonly Decision[];
  warnings: readonly string[];
}

export interface SensorDescribed {
  sensor: SensorName;
  title: string;
  files: readonly string[];
  /** Units of the files, and that of the stacks. */
  units: { files: string; stack: string };
  dates: readonly (string | undefined)[];
  gsdMetres?: number;
  /** [width, height] of the stacks over the whole scene. */
  size: readonly [number, number];
  /** Share of masked pixels over all dates, 0 to 1. */
  masked: number;
  bands: {
    name: string;
    wavelengthNm: readonly [number, number];
    /** As it stands in the files. */
    raw: Range;
    /** What the model sees; masked pixels left out. */
    normalised: Range;
  }[];
  normalisation: string;
}

/**
 * What the model will see of a scene, without running it: statistics of the very stacks that `Scene.read` returns, at
 * windows spread over the scene.
 */
export async function describe(scene: Scene, { signal }: { signal?: AbortSignal } = {}): Promise<SceneDescribed> {
  const { grid, hrPixelsPerCell, sensors, location, decisions, warnings } = scene;
  const windows = spreadWindows([grid.width, grid.height], 4, 12);
  const sensorsDescribed: SensorDescribed[] = [];
  for (const { sensor, files, units, dates, gsdMetres, grid: stackGrid, bands, raw } of sensors) {
    const profile = profiles[sensor];
    const parts: { stack: ImageStack; normal: Float32Array }[] = [];
    for (const window of windows) parts.push(await readNormalised(scene, sensor, window, signal));
    let pixels = 0;
    let masked = 0;
    for (const { stack } of parts) {
      pixels += stack.shape[0] * stack.shape[2] * stack.shape[3];
      for (const valid of stack.mask ?? []) masked += 1 - valid;
    }
    sensorsDescribed.push({
      sensor,
      title: profile.title,
      files,
      units: { files: units, stack: profile.unit },
      dates,
      gsdMetres,
      size: [stackGrid.width, stackGrid.height],
      masked: masked / pixels,
      bands: bands.map((name, b) => ({
        name,
        wavelengthNm: profile.bands.find((band) => band.name === name)!.wavelengthNm,
        raw: rangeOf(raw[name]!),
        normalised: rangeOf(statistics(validOf(parts, b))),
      })),
      normalisation: profile.source,
    });
  }
  const sampledCells = windows.reduce((sum, [, , w, h]) => sum + w * h, 0);
  return { grid, hrPixelsPerCell, location, sampledCells, sensors: sensorsDescribed, decisions, warnings };
}

async function readNormalised(scene: Scene, sensor: SensorName, window: Window, signal?: AbortSignal) {
  const place = await scene.read(window, { sensors: [sensor], signal });
  const stack = place[sensor]!;
  return { stack, normal: normalise(stack, profiles[sensor]) };
}

/** Normalised values of one band at unmasked pixels of all dates. */
function validOf(parts: readonly { stack: ImageStack; normal: Float32Array }[], b: number): Float32Array {
  const total = parts.reduce((sum, { stack }) => sum + stack.data.length / stack.shape[1], 0);
  const out = new Float32Array(total);
  let at = 0;
  for (const { stack, normal } of parts) {
    const [dates, bands, height, width] = stack.shape;
    const pixels = height * width;
    for (let t = 0; t < dates; t++) {
      for (let p = 0; p < pixels; p++) {
        if (stack.mask === undefined || stack.mask[t * pixels + p] === 1) {
          out[at++] = normal[(t * bands + b) * pixels + p]!;
        }
      }
    }
  }
  return out.subarray(0, at);
}

function rangeOf({ min, mean, max, std }: BandStatistics): Range {
  return { min, mean, max, std };
}

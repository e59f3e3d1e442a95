import type { Grid, Window } from "../../core/grid.ts";
import type { Location, Place, SensorName } from "../../core/place.ts";
import type { BandStatistics } from "../sensor/statistics.ts";

/** Something that was assumed or found out: printed by `inspect` and stored with every output. */
export interface Decision {
  /** The file it is about; absent: the scene. */
  file?: string;
  /** The sensor that it is about; absent: all of the scene. */
  sensor?: SensorName;
  /** "sensor s2", "unit dB × 100", "dates 2020-01-03 … 2020-12-28 (60)". */
  what: string;
  /** "band names", "option s1.units", "s1.tif.skysense.json", "statistics: median −8.4". */
  from: string;
}

/** What a scene holds of one sensor. */
export interface SceneSensor {
  sensor: SensorName;
  files: readonly string[];
  /** Bands of the stacks, in the model's order. */
  bands: readonly string[];
  /** ISO 8601, ascending, one a date; undefined where it is not known. */
  dates: readonly (string | undefined)[];
  /** "reflectance", "dB*100": the units of the files, before conversion. */
  units: string;
  /** Ground size of a pixel in the files, the finest; undefined without georeference. */
  gsdMetres: number | undefined;
  /** Grid of the stacks' pixels: the cell grid, for HR `hrPixelsPerCell` times as fine. */
  grid: Grid;
  /** Per band of the files, over a sample of their valid pixels, in the files' units. */
  raw: Readonly<Record<string, BandStatistics>>;
}

/** Images of one place on a common grid of cells, read by window: a scene never has to fit in memory. */
export interface Scene {
  /** One cell is one token of the fused map: one Sentinel pixel, or `hrPixelsPerCell`² HR pixels. */
  readonly grid: Grid;
  readonly hrPixelsPerCell: number;
  /** In the order hr, s2, s1; only those present. */
  readonly sensors: readonly SceneSensor[];
  /** Centre of the scene; undefined: no georeference, or a projection that is not known. */
  readonly location: Location | undefined;
  readonly decisions: readonly Decision[];
  readonly warnings: readonly string[];
  /**
   * The stacks of a window of cells. It may stick out of the scene: there the image is continued from its edge.
   *
   * Data is finite everywhere. Mask 0: nodata, filled with the band's mean, and everything outside the files,
   * which repeats the nearest pixel up to one cell away (and beyond the scene's edge) and is the mean elsewhere.
   *
   * @param window  [col, row, width, height] in cells; must touch the scene
   * @returns `hr` [T, C, h·k, w·k], `s2` [T, bands, h, w], `s1` [T, 2, h, w], dates, location of the window's centre
   * @throws SkySenseError `WINDOW_OUTSIDE`, and whatever reading the files throws
   */
  read(window: Window, options?: { signal?: AbortSignal; sensors?: readonly SensorName[] }): Promise<Place>;
  close(): Promise<void>;
}

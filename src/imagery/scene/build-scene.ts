import { bug, SkySenseError } from "../../core/error.ts";
import type { Grid, Window } from "../../core/grid.ts";
import { type Location, type Place, type SensorName, sensorNames } from "../../core/place.ts";
import type { Raster } from "../raster.ts";
import { dayOf } from "../sensor/dates.ts";
import { cellGrid, coverage, layersOf, place, stackGrid } from "./cells.ts";
import { cloudShares } from "./clouds.ts";
import { gsdMetres, locationOf } from "./crs.ts";
import { type FileSources, type InspectedClasses, type InspectedFile, inspectFile } from "./inspect-file.ts";
import type { Layer } from "./layer.ts";
import { checkOffsets } from "./offsets.ts";
import { type PlacedSeries, readStack, type Warp } from "./read-stack.ts";
import type { Decision, Scene, SceneSensor } from "./scene.ts";
import { joinMoments, joinSeries, type Series } from "./series.ts";

export interface BuildOptions {
  /** HR pixels along the side of a cell. Default 32: what the official model has. */
  hrPixelsPerCell?: number;
  /** Warp files of another CRS onto the scene's grid instead of refusing them. */
  reproject?: boolean;
  /** At most that many dates a sensor, evenly chosen. */
  maxDates?: number;
  /** Leave out Sentinel-2 dates with a larger share of clouds and their shadows, 0 to 1; needs a file of scene classes. */
  maxCloud?: number;
  /** Bands to use of a sensor, where the model takes fewer than the files have. */
  keepBands?: { [sensor in SensorName]?: readonly string[] };
  /** Where the scene is, for files without georeference. */
  location?: Location;
  /**
   * So many of the inputs, one after another, belong to one moment each, in this order and whatever their dates say:
   * `[1, 3]` is a file before and three after. Default: dates decide.
   */
  moments?: readonly number[];
  signal?: AbortSignal;
}

/** An open raster and what is said of it. */
export interface Input {
  raster: Raster;
  said: FileSources;
}

/** Group open rasters into a scene; see `openScene`, which opens them. */
export async function buildScene(inputs: readonly Input[], options: BuildOptions, warp?: Warp): Promise<Scene> {
  const { hrPixelsPerCell = 32, reproject = false, moments, signal } = options;
  const files: InspectedFile[] = [];
  const classes: InspectedClasses[] = [];
  const momentOf = new Map<InspectedFile, number>();
  for (const [i, { raster, said }] of inputs.entries()) {
    signal?.throwIfAborted();
    const inspected = await inspectFile(raster, said, signal);
    if (inspected.kind === "images") {
      files.push(inspected);
      momentOf.set(inspected, momentAt(i, moments));
    } else classes.push(inspected);
  }
  if (files.length === 0) {
    throw new SkySenseError({
      code: "NO_IMAGES",
      what: "there is no image among the inputs",
      remedy: "Give at least one file of hr, s2 or s1.",
    });
  }
  const decisions: Decision[] = files.flatMap((file) => of(file.layer.sensor, file.decisions));
  decisions.push(...classes.flatMap((file) => file.decisions));
  const warnings = files.flatMap((file) => file.warnings);
  const offsets = checkOffsets(files.filter(({ layer }) => layer.sensor === "s2"));
  decisions.push(...of("s2", offsets.decisions));
  warnings.push(...offsets.warnings);
  const all: Series[] = [];
  for (const sensor of sensorNames) {
    const own = files.filter(({ layer }) => layer.sensor === sensor);
    if (own.length === 0) continue;
    const keep = options.keepBands?.[sensor];
    let series =
      moments === undefined
        ? joinSeries(sensor, own, keep)
        : joinMoments(
            moments.map((_, m) => own.filter((file) => momentOf.get(file) === m)),
            { sensor, keep },
          );
    if (sensor === "s2" && options.maxCloud !== undefined)
      series = await clearest(series, classes, options.maxCloud, signal);
    if (options.maxDates !== undefined) series = thinned(series, options.maxDates);
    decisions.push(...of(sensor, series.notes.decisions));
    warnings.push(...series.notes.warnings);
    all.push(series);
  }

  const cells = cellGrid(all, hrPixelsPerCell);
  const { grid } = cells;
  decisions.push({ what: `a cell is one of ${grid.width} × ${grid.height}`, from: cells.from });
  const placed = all.map((series) => {
    const k = series.sensor === "hr" ? hrPixelsPerCell : 1;
    const target = stackGrid(grid, k);
    const layers = layersOf(series);
    const placements = new Map(layers.map((layer) => [layer, place(layer, target, k, cells, reproject)]));
    for (const [layer, placement] of placements)
      decisions.push(...of(series.sensor, placementNotes(layer, placement, target)));
    const { warped, close } = warper(target, warp);
    return { series, grid: target, placements, warped, close };
  });

  const middle = locationOf(grid, [grid.width / 2, grid.height / 2]);
  const location = options.location ?? middle;
  if (options.location !== undefined) decisions.push({ what: locationText(options.location), from: "as given" });
  else if (grid.crs === undefined)
    decisions.push({ what: "pixel coordinates, no location", from: "no georeference" });
  else if (middle === undefined)
    decisions.push({ what: "no location", from: `the projection ${grid.crs} is not known here` });
  else decisions.push({ what: locationText(middle), from: `the scene's centre, ${grid.crs.slice(0, 40)}` });

  return {
    grid,
    hrPixelsPerCell,
    sensors: placed.map(summary),
    location,
    decisions,
    warnings,
    read: (window, { signal, sensors = sensorNames } = {}) =>
      readPlace({ grid, k: hrPixelsPerCell, placed, location: options.location }, window, { signal, sensors }),
    async close() {
      for (const { close } of placed) await close();
      for (const { raster } of inputs) await raster.close();
    },
  };
}

/** Of input `i`. */
function momentAt(i: number, moments: readonly number[] = []): number {
  let end = 0;
  return moments.findIndex((count) => {
    end += count;
    return i < end;
  });
}

function of(sensor: SensorName, decisions: readonly Decision[]): Decision[] {
  return decisions.map((decision) => ({ ...decision, sensor }));
}

async function readPlace(
  scene: { grid: Grid; k: number; placed: readonly PlacedSeries[]; location: Location | undefined },
  window: Window,
  { signal, sensors }: { signal?: AbortSignal; sensors: readonly SensorName[] },
): Promise<Place> {
  const [col, row, width, height] = window;
  const { grid, k, placed } = scene;
  const touches =
    col < grid.width && row < grid.height && col + width > 0 && row + height > 0 && width > 0 && height > 0;
  if (!touches || !window.every(Number.isInteger)) {
    throw new SkySenseError({
      code: "WINDOW_OUTSIDE",
      what: `window [${window.join(", ")}] does not touch the ${grid.width} × ${grid.height} cells of the scene`,
      remedy: "Windows are [col, row, width, height] in cells.",
    });
  }
  const out: Place = {};
  await Promise.all(
    placed.map(async (one) => {
      const { sensor } = one.series;
      if (!sensors.includes(sensor)) return;
      const times = sensor === "hr" ? k : 1;
      out[sensor] = await readStack(one, [col * times, row * times, width * times, height * times], signal);
    }),
  );
  const location = scene.location ?? locationOf(grid, [col + width / 2, row + height / 2]);
  if (location !== undefined) out.location = location;
  return out;
}

function summary({ series, grid }: PlacedSeries): SceneSensor {
  const { sensor, files, bands, frames } = series;
  const gsds = files.map(({ layer }) => gsdMetres(layer.grid)).filter((gsd) => gsd !== undefined);
  return {
    sensor,
    files: files.map(({ layer }) => layer.raster.path),
    bands,
    dates: frames.map(({ date }) => date),
    units: [...new Set(files.map(({ units }) => units))].join("; "),
    gsdMetres: gsds.length === 0 ? undefined : Math.min(...gsds),
    grid,
    raw: Object.assign({}, ...files.toReversed().map(({ raw }) => raw)),
  };
}

function placementNotes(layer: Layer, placement: ReturnType<typeof place>, target: Grid): Decision[] {
  const file = layer.raster.path;
  if (placement.how === "warp") {
    return [{ file, what: "warped onto the scene's grid", from: `its grid (${layer.grid.crs?.slice(0, 40)})` }];
  }
  const { cols, rows } = placement;
  const notes: Decision[] = [];
  const exact = [cols, rows].every(({ step, origin }) => step === 1 && Number.isInteger(origin));
  if (!exact) {
    const step = Math.abs(cols.step);
    const how =
      step === 1
        ? "shifted by parts of a pixel"
        : `${Number(step.toPrecision(4))} of its pixels to one of the scene's`;
    notes.push({ file, what: `resampled: ${how}`, from: "its grid" });
  }
  const { scene, layer: used } = coverage(placement, target);
  const lost = Math.round(1000 * (1 - used)) / 10;
  const uncovered = Math.round(1000 * (1 - scene)) / 10;
  if (lost > 0) notes.push({ file, what: `${lost} % of the file lies outside the scene`, from: "its grid" });
  if (uncovered > 0)
    notes.push({ file, what: `${uncovered} % of the scene lies outside the file`, from: "its grid" });
  return notes;
}

/** Warping costs a file: it happens once a layer, at its first use. */
function warper(
  target: Grid,
  warp: Warp | undefined,
): { warped: PlacedSeries["warped"]; close: () => Promise<void> } {
  const done = new Map<Layer, Promise<Layer>>();
  const warpLayer = async (layer: Layer, signal?: AbortSignal): Promise<Layer> => {
    if (warp === undefined) throw bug("a warped layer without a warper");
    const raster = await warp(asUnderstood(layer), target, { bands: layer.raster.bands.map((_, b) => b), signal });
    const emptiness = { ...layer.emptiness, fileMask: raster.readMask !== undefined };
    return { ...layer, raster, grid: target, emptiness };
  };
  return {
    warped(layer, signal) {
      const running = done.get(layer) ?? warpLayer(layer, signal);
      done.set(layer, running);
      // What failed or was cancelled may be tried again.
      running.catch(() => done.delete(layer));
      return running;
    },
    async close() {
      for (const one of await Promise.allSettled(done.values())) {
        if (one.status === "fulfilled") await one.value.raster.close();
      }
    },
  };
}

/** The raster with the CRS and nodata that were found or said, since warping must not blend what is empty. */
function asUnderstood({ raster, grid, emptiness }: Layer): Raster {
  const { path, driver, metadata, blockSize } = raster;
  const nodata = (b: number) => emptiness.nodata[b] ?? emptiness.emptyValue;
  return {
    ...{ path, driver, metadata, blockSize, grid },
    bands: raster.bands.map((band, b) => ({ ...band, nodata: nodata(b) })),
    read: (options) => raster.read(options),
    ...(emptiness.fileMask && raster.readMask !== undefined && { readMask: (options) => raster.readMask!(options) }),
    close: () => raster.close(),
  };
}

/** Evenly chosen dates, first and last included. */
function thinned(series: Series, most: number): Series {
  const { frames, sensor, notes } = series;
  if (frames.length <= most) return series;
  const kept = frames.filter((_, i) =>
    most > 1 ? isChosen(i, frames.length, most) : i === Math.floor(frames.length / 2),
  );
  const decision = {
    what: `${sensor}: ${kept.length} of ${frames.length} dates, evenly chosen`,
    from: `option maxDates ${most}`,
  };
  return { ...series, frames: kept, notes: { ...notes, decisions: [...notes.decisions, decision] } };
}

function isChosen(i: number, count: number, most: number): boolean {
  return Array.from({ length: most }, (_, j) => Math.round((j * (count - 1)) / (most - 1))).includes(i);
}

async function clearest(
  series: Series,
  classes: readonly InspectedClasses[],
  most: number,
  signal?: AbortSignal,
): Promise<Series> {
  const shares = await cloudShares(classes, signal);
  const without = series.frames.find(({ date }) => date === undefined || !shares.has(dayOf(date)));
  if (without !== undefined) {
    throw new SkySenseError({
      code: "CLOUDS_UNKNOWN",
      what: `maxCloud is given, but there are no scene classes for ${without.date ?? "the undated image"}`,
      where: series.files[0]!.layer.raster.path,
      remedy: 'Add the file of scene classes (sensor "scl"), or leave maxCloud (--max-cloud) out.',
    });
  }
  const frames = series.frames.filter(({ date }) => !(shares.get(dayOf(date!))! > most));
  if (frames.length === 0) {
    throw new SkySenseError({
      code: "ALL_CLOUDY",
      what: `no Sentinel-2 date has ${Math.round(100 * most)} % clouds or less`,
      where: series.files[0]!.layer.raster.path,
      remedy: "Raise maxCloud (--max-cloud).",
    });
  }
  const what = `s2: ${frames.length} of ${series.frames.length} dates have ${Math.round(100 * most)} % clouds or less, the others are left out`;
  const decisions = [...series.notes.decisions, { what, from: "option maxCloud and the scene classes" }];
  return { ...series, frames, notes: { ...series.notes, decisions } };
}

function locationText({ longitude, latitude }: Location): string {
  return `location ${longitude.toFixed(5)}, ${latitude.toFixed(5)} (longitude, latitude)`;
}

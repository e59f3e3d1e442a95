import { SkySenseError } from "../core/error.ts";
import type { ImageStack, SensorName } from "../core/place.ts";
import { normalise } from "../imagery/sensor/normalise.ts";
import { modelBands, profiles } from "../imagery/sensor/profiles.ts";
import type { SkySenseConfig } from "../model/skysense.ts";

/** Images of one sensor as its encoder takes them, and which cells of the fusion they cover. */
export interface PreparedStack {
  /** Normalised and padded, [dates, bands, height, width]. */
  data: Float32Array;
  shape: readonly [dates: number, bands: number, height: number, width: number];
  /** Positions of the bands among the model's. */
  bandPositions: readonly number[];
  bands: readonly string[];
  /** Cells that belong to the image, [height, width], and the encoder's map that holds them at its upper left. */
  grid: readonly [height: number, width: number];
  encoded: readonly [height: number, width: number];
  /** [dates, cells]: 1 where at least half of a cell's pixels are valid; undefined: all are. */
  cellMask: Uint8Array | undefined;
  dates: readonly (string | undefined)[];
  /** What was done to the image, in words. */
  notes: readonly string[];
}

/** Pixels along a side that become one cell of the fusion. */
export function pixelsPerCell(config: SkySenseConfig, sensor: SensorName): number {
  if (sensor === "hr") return config.hr!.patch * 2 ** (config.hr!.depths.length - 1);
  const { encoder, head } = config[sensor]!;
  return encoder.patch / head.scale;
}

/**
 * Cells along a side after which an encoder's patches and windows repeat. An image has to hold whole ones: the official
 * Swin fills windows that stick out with zeros, which the tokens beside them then attend to, and refuses maps smaller
 * than a window. And parts of an image are seen as in the whole only if they start at a multiple of it.
 */
export function period(config: SkySenseConfig, sensor: SensorName): number {
  if (sensor !== "hr") return config[sensor]!.head.scale;
  const { depths, window } = config.hr!;
  const cellsPerWindow = depths.map((_, stage) => {
    const side = typeof window === "number" ? window : window[stage]!;
    const tokensPerCell = 2 ** (depths.length - 1 - stage);
    return side / greatestCommonDivisor(side, tokensPerCell);
  });
  return leastCommonMultiple(cellsPerWindow);
}

/** The {@link period} of several encoders together. */
export function commonPeriod(config: SkySenseConfig, sensors: readonly SensorName[]): number {
  return leastCommonMultiple(sensors.map((sensor) => period(config, sensor)));
}

function leastCommonMultiple(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => (a * b) / greatestCommonDivisor(a, b), 1);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Check, normalise and pad the images of one sensor.
 *
 * Images grow at the right and the bottom to whole cells, patches and windows; the edge is repeated there, so that
 * border cells see a natural continuation.
 *
 * @throws SkySenseError `BAD_STACK` | `MISSING_BANDS` | `SENSOR_UNKNOWN`
 */
export function prepareStack(sensor: SensorName, stack: ImageStack, config: SkySenseConfig): PreparedStack {
  const part = config[sensor];
  if (part === undefined) {
    throw new SkySenseError({
      code: "SENSOR_UNKNOWN",
      what: `this model has no encoder for ${sensor}`,
      remedy: "Leave these images out, or choose another model.",
    });
  }
  checkStack(sensor, stack);
  const { bands, positions } = chooseBands(sensor, stack, config);
  const normalised = normalise(selectBands(stack, bands), profiles[sensor], { masked: "keep" });
  const [dates, , height, width] = stack.shape;
  const cell = pixelsPerCell(config, sensor);
  const grid = [Math.ceil(height / cell), Math.ceil(width / cell)] as const;
  const step = cell * period(config, sensor);
  const [tall, wide] = [Math.ceil(height / step) * step, Math.ceil(width / step) * step];
  const data = replicateEdge(normalised, dates * bands.length, [height, width], [tall, wide]);
  const notes =
    tall === height && wide === width
      ? []
      : [`${sensor} images of ${width}×${height} pixels were extended to ${wide}×${tall} by repeating their edge`];
  return {
    data,
    shape: [dates, bands.length, tall, wide],
    bandPositions: positions,
    bands,
    grid,
    encoded: [tall / cell, wide / cell],
    cellMask: cellMask(stack, cell, grid),
    dates: stack.dates ?? Array.from({ length: dates }, () => undefined),
    notes,
  };
}

function checkStack(sensor: SensorName, { data, shape, bands, mask, dates }: ImageStack): void {
  const [t, c, h, w] = shape;
  const bad = (what: string) =>
    new SkySenseError({
      code: "BAD_STACK",
      what,
      where: sensor,
      remedy:
        "Give data as [dates, bands, height, width] with the shape, band names, dates and mask that belong to it.",
    });
  if (shape.length !== 4 || shape.some((n) => !Number.isInteger(n) || n < 1))
    throw bad(`the shape [${shape}] is no image stack`);
  if (data.length !== t * c * h * w) throw bad(`${data.length} values do not fill the shape [${shape}]`);
  if (bands.length !== c) throw bad(`${bands.length} band names for ${c} bands`);
  if (mask !== undefined && mask.length !== t * h * w)
    throw bad(`a mask of ${mask.length} pixels for [${t},${h},${w}]`);
  if (dates !== undefined && dates.length !== t) throw bad(`${dates.length} dates for ${t} images`);
}

/** The model's bands that the stack has, in the model's order. HR needs all of them, Sentinel sensors one or more. */
function chooseBands(sensor: SensorName, { bands }: ImageStack, config: SkySenseConfig) {
  const count = sensor === "hr" ? config.hr!.bands : config[sensor]!.encoder.bands;
  const wanted = modelBands(sensor).slice(0, count);
  const chosen = wanted.filter((band) => bands.includes(band));
  if (chosen.length === 0 || (sensor === "hr" && chosen.length < wanted.length)) {
    throw new SkySenseError({
      code: "MISSING_BANDS",
      what: `the model needs the bands ${wanted.join(", ")}, the image has ${bands.join(", ")}`,
      where: sensor,
      remedy: "Name the bands of the image as the model does.",
    });
  }
  return { bands: chosen, positions: chosen.map((band) => wanted.indexOf(band)) };
}

function selectBands(stack: ImageStack, bands: readonly string[]): ImageStack {
  if (bands.length === stack.bands.length && bands.every((band, i) => band === stack.bands[i])) return stack;
  const [dates, count, height, width] = stack.shape;
  const pixels = height * width;
  const data = new Float32Array(dates * bands.length * pixels);
  for (let t = 0; t < dates; t++) {
    for (const [i, band] of bands.entries()) {
      const from = (t * count + stack.bands.indexOf(band)) * pixels;
      data.set(stack.data.subarray(from, from + pixels), (t * bands.length + i) * pixels);
    }
  }
  return { ...stack, data, bands, shape: [dates, bands.length, height, width] };
}

/** [images, h, w] → [images, H, W], the last row and column repeated. */
function replicateEdge(
  data: Float32Array,
  images: number,
  [h, w]: readonly [number, number],
  [tall, wide]: readonly [number, number],
): Float32Array {
  if (tall === h && wide === w) return data;
  const out = new Float32Array(images * tall * wide);
  for (let i = 0; i < images; i++) {
    for (let row = 0; row < tall; row++) {
      const from = (i * h + Math.min(row, h - 1)) * w;
      const to = (i * tall + row) * wide;
      out.set(data.subarray(from, from + w), to);
      out.fill(data[from + w - 1]!, to + w, to + wide);
    }
  }
  return out;
}

function cellMask(
  { mask, shape: [dates, , height, width] }: ImageStack,
  cell: number,
  [rows, columns]: readonly [number, number],
): Uint8Array | undefined {
  if (mask === undefined || mask.every((valid) => valid === 1)) return undefined;
  const valid = new Uint32Array(dates * rows * columns);
  const total = new Uint32Array(rows * columns);
  for (let t = 0; t < dates; t++) {
    for (let row = 0; row < height; row++) {
      const line = Math.floor(row / cell) * columns;
      for (let column = 0; column < width; column++) {
        const k = line + Math.floor(column / cell);
        if (t === 0) total[k]!++;
        valid[t * rows * columns + k]! += mask[(t * height + row) * width + column]!;
      }
    }
  }
  return Uint8Array.from(valid, (n, i) => (2 * n >= total[i % (rows * columns)]! ? 1 : 0));
}

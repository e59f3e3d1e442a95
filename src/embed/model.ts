import type { ModelFileInfo } from "../checkpoint/model-file.ts";
import { readBank } from "../checkpoint/prototype-bank.ts";
import { type ImageStack, type Place, type SensorName, sensorNames } from "../core/place.ts";
import { modelBands, profiles, type SensorProfile } from "../imagery/sensor/profiles.ts";
import { countParameters, type ParameterTree } from "../model/parameters.ts";
import { initSkySense, type SkySenseConfig } from "../model/skysense.ts";
import type { CompileOptions, Runtime } from "../runtime/session.ts";
import type { Weights } from "../runtime/weights.ts";
import { type EncodedCells, encodePlaces, type LocatedPlace } from "./encode.ts";
import { type EncodedStages, encodeStages } from "./encode-stages.ts";
import { modelSessions } from "./sessions.ts";

/** Images of one sensor as a program has them; missing fields take the usual values. */
export interface SensorInput {
  /** Row-major in the order of `shape`: HR 0–255, S2 reflectance × 10⁴, S1 dB. */
  data: Float32Array | Uint8Array | Uint8ClampedArray | Uint16Array | Int16Array;
  shape: readonly [bands: number, height: number, width: number] | ImageStack["shape"];
  /** Default: the model's first bands, R G B (NIR) · B02 … B12 · VV VH. */
  bands?: readonly string[];
  mask?: Uint8Array;
  dates?: readonly (string | undefined)[];
}

/** What {@link SkySense.encode} takes: any of the sensors, and where the place is. */
export type EncodeInput = { [sensor in SensorName]?: SensorInput } & Pick<Place, "location">;

/** A dense map of features. */
export interface FeatureMap {
  data: Float32Array;
  /** [channels, height, width], with [dates, …] in front for a sensor's map. */
  shape: readonly number[];
}

/** Features of one place. */
export interface Encoded {
  /** Sensors and dates at every cell in one, [channels, height, width]; NaN at cells without valid pixels. */
  fused: FeatureMap;
  /** Mean of the fused map over its valid cells, [channels]. Not normalised. */
  vector: Float32Array;
  /** Before fusion, [dates, channels, height, width] a sensor that was given. */
  sensors: { [sensor in SensorName]?: FeatureMap };
  /** [height, width]: 1 where the fused map is defined. */
  valid: Uint8Array;
  /** Bands and dates that were used, a sensor. */
  used: EncodedCells["used"];
  /** What was done or left out on the way: padding, no location. */
  notes: readonly string[];
}

/** A model that is ready to encode. */
export interface SkySense {
  readonly name: string;
  readonly config: SkySenseConfig;
  /** False: random weights, which show that everything works and mean nothing. */
  readonly trained: boolean;
  /** What it was trained on, in a few words, where that is known. */
  readonly trainedOn?: string;
  /** Number of weights. */
  readonly parameters: number;
  /** SHA-256 of the weights, hexadecimal. */
  weightsHash(): Promise<string>;
  /**
   * Encode one place: images of any size from one sensor or several, each with one date or many.
   *
   * Images are padded to whole cells (32 HR pixels, one Sentinel pixel) by repeating their edge; `notes` says so.
   * @throws SkySenseError `EMPTY_PLACE` | `GRIDS_DIFFER` | `BAD_STACK` | `MISSING_BANDS` | `BAD_DATE`
   */
  encode(place: EncodeInput, options?: { signal?: AbortSignal }): Promise<Encoded>;
  /** Encode places together; each may have other sensors, dates and sizes. Results in the order of the places. */
  encodeBatch(places: readonly EncodeInput[], options?: { signal?: AbortSignal }): Promise<Encoded[]>;
  /** The same with cells before channels, for those who go on cell by cell. */
  encodeCells(places: readonly LocatedPlace[], options?: { signal?: AbortSignal }): Promise<EncodedCells[]>;
  /** Maps of all stages of the HR encoder, without fusion, for those who need several scales. */
  encodeStages(images: readonly ImageStack[], options?: { signal?: AbortSignal }): Promise<EncodedStages[]>;
  /** Free sessions and weights. */
  release(): Promise<void>;
}

/** Weights up to this number are made constants of the graphs: each session holds a copy and runs 5 to 10 % faster. */
const maxConstantParameters = 100e6;

/** Join a configuration, its weights and a runtime. */
export function createModel(
  { name, config, trained, trainedOn, weights }: ModelFileInfo & { weights: Weights },
  { runtime, ...options }: CompileOptions & { runtime: Runtime },
): SkySense {
  const parameters = countParameters(initSkySense(config) as ParameterTree);
  const constantWeights = options.constantWeights ?? parameters <= maxConstantParameters;
  const sessions = modelSessions(config, runtime, { ...options, constantWeights, weights });
  const bank = readBank((key) => (weights.entries.has(key) ? weights.get(key) : undefined), { file: weights.name });
  const encodeCells: SkySense["encodeCells"] = (places, { signal } = {}) =>
    encodePlaces(places, { config, sessions, visits: bank?.visits, signal });
  const encodeBatch: SkySense["encodeBatch"] = async (places, options) =>
    (await encodeCells(places.map(toPlace), options)).map((cells) => toEncoded(cells, config));
  return {
    name,
    config,
    trained,
    ...(trainedOn !== undefined && { trainedOn }),
    parameters,
    weightsHash: () => weights.sha256(),
    encode: async (place, options) => (await encodeBatch([place], options))[0]!,
    encodeBatch,
    encodeCells,
    encodeStages: (images, { signal } = {}) => encodeStages(images, { config, sessions, signal }),
    release: async () => {
      await runtime.release();
      weights.close();
    },
  };
}

function toPlace(input: EncodeInput): Place {
  const place: Place = input.location === undefined ? {} : { location: input.location };
  for (const sensor of sensorNames) {
    const given = input[sensor];
    if (given === undefined) continue;
    const { data, shape, mask, dates } = given;
    const full = (shape.length === 3 ? [1, ...shape] : shape) as ImageStack["shape"];
    const bands = given.bands ?? modelBands(sensor).slice(0, full[1]);
    const values = data instanceof Float32Array ? data : Float32Array.from(data);
    place[sensor] = { data: values, shape: full, bands, ...(mask && { mask }), ...(dates && { dates }) };
    if (mask !== undefined) place[sensor].data = fillMasked(place[sensor], profiles[sensor]);
  }
  return place;
}

/** Masked pixels may hold anything; the band's mean in their place leaves no trace in the cells beside them. */
function fillMasked(
  { data, mask, bands, shape: [, , height, width] }: ImageStack,
  profile: SensorProfile,
): Float32Array {
  const pixels = height * width;
  return data.map((value, i) => {
    const date = Math.floor(i / (bands.length * pixels));
    if (mask![date * pixels + (i % pixels)] !== 0) return value;
    const band = bands[Math.floor(i / pixels) % bands.length];
    return (profile.bands.find(({ name }) => name === band)?.normalisation?.mean ?? 0) * profile.div;
  });
}

function toEncoded(cells: EncodedCells, config: SkySenseConfig): Encoded {
  const [height, width] = cells.grid;
  const sensors: Encoded["sensors"] = {};
  for (const [sensor, data] of Object.entries(cells.sensors) as [SensorName, Float32Array][]) {
    const channels = config.fusion.inputWidth;
    const dates = data.length / (height * width * channels);
    sensors[sensor] = { data: channelsFirst(data, dates, channels), shape: [dates, channels, height, width] };
  }
  return {
    fused: { data: channelsFirst(cells.fused, 1, cells.channels), shape: [cells.channels, height, width] },
    vector: meanVector(cells.fused, cells.valid, cells.channels),
    sensors,
    valid: cells.valid.slice(),
    used: cells.used,
    notes: cells.notes,
  };
}

/** [maps, cells, channels] → [maps, channels, cells]. */
function channelsFirst(data: Float32Array, maps: number, channels: number): Float32Array {
  const cells = data.length / (maps * channels);
  const out = new Float32Array(data.length);
  for (let m = 0; m < maps; m++) {
    const base = m * cells * channels;
    for (let cell = 0; cell < cells; cell++) {
      for (let c = 0; c < channels; c++) out[base + c * cells + cell] = data[base + cell * channels + c]!;
    }
  }
  return out;
}

/** Mean over valid cells of [cells, channels]; NaN where there is none. */
export function meanVector(fused: Float32Array, valid: Uint8Array, channels: number): Float32Array {
  const sums = new Float64Array(channels);
  let count = 0;
  for (const [cell, v] of valid.entries()) {
    if (v === 0) continue;
    count++;
    for (let c = 0; c < channels; c++) sums[c]! += fused[cell * channels + c]!;
  }
  return Float32Array.from(sums, (sum) => sum / count);
}

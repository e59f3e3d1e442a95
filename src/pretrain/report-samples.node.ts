import sharp from "sharp";
import type { PrototypeBank } from "../checkpoint/prototype-bank.ts";
import { SkySenseError } from "../core/error.ts";
import { type Place, type SensorName, sensorNames } from "../core/place.ts";
import type { Encoded, SkySense } from "../embed/model.ts";
import { pixelsPerCell } from "../embed/prepare.ts";
import { cutCells } from "../evaluate/cells.ts";
import { nearest } from "../evaluate/nearest.ts";
import { resizeStack } from "../evaluate/resize-stack.ts";
import { restrictPlace } from "../evaluate/restrict.ts";
import { type PlaceSource, readPlaceSource } from "../imagery/scene/place-source.node.ts";
import { createCellSample, type FeatureColours, featurePicture, fitFeatureColours } from "../report/pca.ts";
import { type Picture, trueColour } from "../report/picture.ts";
import { thumbnailPng } from "../report/thumbnail.node.ts";
import type { FeatureMaps, Neighbours, Shown } from "./report.ts";
import { attentionOf, type PlaceAttention } from "./report-attention.ts";

/** A place of the list, with what the model says of it. */
export interface Sampled {
  id: string;
  place: Place;
  encoded: Encoded;
}

const perBatch = 16;
/** Cells a side and dates of a sensor that are encoded for the report. */
const cellsShown = 24;
const datesShown = 8;
/** Aerial images alone are brought to this side for maps: 8 × 8 cells can be looked at, 4 × 4 can not. */
const mapSide = 256;
const thumbnailSide = 112;
const panelSide = 168;

/** `count` items, evenly spaced. */
export function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]!);
}

/**
 * Read and encode places, of large ones the middle, of long series some dates; those that cannot be read or do not fit
 * the model are left out. Maps of single sensors are not kept: those of hundreds of places would fill the memory.
 */
export async function encodeSample(
  model: SkySense,
  places: readonly { id: string; source: PlaceSource }[],
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Sampled[]> {
  const found: Sampled[] = [];
  for (let i = 0; i < places.length; i += perBatch) {
    const read = await Promise.all(
      places.slice(i, i + perBatch).map(async ({ id, source }) => {
        const whole = readPlaceSource(source, signal ? { signal } : {});
        const place = await orNothing(whole.then((found) => partOf(found, model)));
        return place === undefined ? [] : [{ id, place }];
      }),
    );
    const encoded = await encodeAll(model, read.flat(), signal);
    found.push(...encoded.map((one) => ({ ...one, encoded: { ...one.encoded, sensors: {} } })));
  }
  return found;
}

function partOf(whole: Place, { config }: SkySense): Place {
  const known = sensorNames.filter((name) => config[name] !== undefined);
  const place = restrictPlace(whole, { sensors: known, dates: datesShown });
  const sides = Object.fromEntries(known.map((name) => [name, pixelsPerCell(config, name)]));
  const sensor = known.find((name) => place[name] !== undefined)!;
  const [rows, columns] = place[sensor]!.shape.slice(2).map((pixels) => Math.ceil(pixels / sides[sensor]!));
  if (Math.max(rows!, columns!) <= cellsShown) return place;
  // An even cell, so that patches of two pixels stay whole.
  const first = (cells: number) => 2 * Math.floor(Math.max(0, cells - cellsShown) / 4);
  const window = {
    ...{ row: first(rows!), column: first(columns!) },
    ...{ rows: Math.min(rows!, cellsShown), columns: Math.min(columns!, cellsShown) },
  };
  return cutCells(place, window, { sides });
}

async function encodeAll(model: SkySense, batch: readonly { id: string; place: Place }[], signal?: AbortSignal) {
  const encode = (some: typeof batch) =>
    orNothing(
      model.encodeBatch(
        some.map(({ place }) => place),
        signal ? { signal } : {},
      ),
    );
  const together = await encode(batch);
  if (together !== undefined) return batch.map((one, i) => ({ ...one, encoded: together[i]! }));
  const found: Sampled[] = [];
  for (const one of batch) {
    const alone = await encode([one]);
    if (alone !== undefined) found.push({ ...one, encoded: alone[0]! });
  }
  return found;
}

/** Undefined where an input is at fault; anything else is thrown on. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SkySenseError) return undefined;
    throw error;
  }
}

/** The first `width` channels: fused features without the geo-context. */
const plain = ({ fused }: Encoded, width: number): Float32Array =>
  fused.data.subarray(0, (width * fused.data.length) / fused.shape[0]!);

/** `queries` places, evenly spaced, each with its `count` nearest by cosine. */
export async function neighboursOf(
  sample: readonly Sampled[],
  { width, queries, count }: { width: number; queries: number; count: number },
): Promise<Neighbours[]> {
  const vectors = sample.map(({ encoded }) => unit(encoded.vector.subarray(0, width)));
  const known = sample.flatMap((_, i) => (vectors[i]!.every(Number.isFinite) ? [i] : []));
  const asked = evenly(known, queries);
  const table = (rows: readonly number[]) => ({
    data: Float32Array.from(rows.flatMap((i) => Array.from(vectors[i]!))),
    dimensions: width,
  });
  // Vectors of length one: the nearest by distance are those by cosine, the place itself first or among the first.
  const { positions, count: found } = nearest(table(known), table(asked), count + 1);
  return Promise.all(
    asked.map(async (query, q) => {
      const near = Array.from(positions.subarray(q * found, (q + 1) * found), (position) => known[position]!);
      const others = near.filter((i) => i !== query).slice(0, count);
      const shown = others.map(async (i) => ({
        ...(await thumbnail(sample[i]!)),
        cosine: dot(vectors[i]!, vectors[query]!),
      }));
      return { query: await thumbnail(sample[query]!), nearest: await Promise.all(shown) };
    }),
  );
}

/** `count` places, evenly spaced, beside the features of their sensors and the fused ones. */
export async function featureMaps(
  model: SkySense,
  sample: readonly Sampled[],
  { count, signal }: { count: number; signal?: AbortSignal | undefined },
): Promise<FeatureMaps[]> {
  // One kind after the other, those with most sensors first: they say the most.
  const names = [...new Set(sample.map(sensorsOf))].sort((a, b) => b.length - a.length);
  const kinds = names.map((name) => sample.filter((one) => sensorsOf(one) === name));
  const chosen = kinds.flatMap((kind) => evenly(kind, Math.ceil(count / kinds.length))).slice(0, count);
  const enlarged = await encodeAll(
    model,
    chosen.map(({ id, place }) => ({ id, place: enlargedHr(place) })),
    signal,
  );
  const branches = [...sensorNames, "fused"] as const;
  const colours = new Map(branches.map((name) => [name, coloursOf(name, enlarged, model)]));
  return Promise.all(
    enlarged.map(async (one) => {
      const maps = branches.flatMap((name) => {
        const map = mapOf(name, one.encoded, model);
        return map === undefined ? [] : [{ name, map }];
      });
      const sensors = sensorNames.filter((sensor) => one.place[sensor] !== undefined);
      const inputs = sensors.map(async (sensor) => ({
        name: sensor.toUpperCase(),
        png: await panelPng(trueColour(one.place[sensor]!, { sensor, date: middleDate(one.place, sensor) })),
      }));
      const features = maps.map(async ({ name, map }) => ({
        name: name === "fused" ? "fused features" : `${name.toUpperCase()} features`,
        png: await panelPng(featurePicture(colours.get(name)!, map.data, map)),
      }));
      return { name: one.id, panels: [...(await Promise.all(inputs)), ...(await Promise.all(features))] };
    }),
  );
}

/** Attention to the prototypes, of all places with a location. */
export function attentionsOf(bank: PrototypeBank, sample: readonly Sampled[]): PlaceAttention[] {
  return sample.flatMap(({ place: { location }, encoded }) =>
    location === undefined ? [] : [attentionOf(bank, plain(encoded, bank.shape[2]), location)],
  );
}

const sensorsOf = ({ place }: Sampled) => sensorNames.filter((sensor) => place[sensor] !== undefined).join();

function enlargedHr(place: Place): Place {
  const { hr } = place;
  if (hr === undefined || place.s2 !== undefined || place.s1 !== undefined) return place;
  return Math.max(hr.shape[2], hr.shape[3]) >= mapSide ? place : { ...place, hr: resizeStack("hr", hr, mapSide) };
}

interface Map2d {
  data: Float32Array;
  width: number;
  height: number;
  valid: Uint8Array;
}

/** A map of features [channels, height, width]; of a sensor with several dates the one in the middle. */
function mapOf(name: "fused" | SensorName, encoded: Encoded, { config }: SkySense): Map2d | undefined {
  const { valid } = encoded;
  const [height, width] = encoded.fused.shape.slice(1) as [number, number];
  if (name === "fused") return { data: plain(encoded, config.fusion.width), width, height, valid };
  const found = encoded.sensors[name];
  if (found === undefined) return undefined;
  const [dates, channels] = found.shape as [number, number];
  const size = channels * height * width;
  const date = Math.floor(dates / 2);
  return { data: found.data.subarray(date * size, (date + 1) * size), width, height, valid };
}

const middleDate = (place: Place, sensor: SensorName) => Math.floor(place[sensor]!.shape[0] / 2);

function coloursOf(name: "fused" | SensorName, sample: readonly Sampled[], model: SkySense): FeatureColours {
  const { fusion } = model.config;
  const cells = createCellSample(name === "fused" ? fusion.width : fusion.inputWidth);
  for (const { encoded } of sample) {
    const map = mapOf(name, encoded, model);
    if (map !== undefined) cells.add(map.data, map.valid);
  }
  return fitFeatureColours(cells.rows());
}

async function thumbnail({ id, place }: Sampled): Promise<Shown> {
  const sensor = sensorNames.find((name) => place[name] !== undefined)!;
  const picture = trueColour(place[sensor]!, { sensor, date: middleDate(place, sensor) });
  return { name: id, png: await thumbnailPng(picture, { side: thumbnailSide }) };
}

/** Small maps are enlarged smoothly up to four times, beyond that as the cells that they are. */
async function panelPng({ width, height, rgba }: Picture): Promise<Uint8Array> {
  const factor = panelSide / Math.max(width, height);
  const raw = { width, height, channels: 4 } as const;
  return sharp(rgba, { raw })
    .resize({
      width: Math.round(width * factor),
      height: Math.round(height * factor),
      fit: "fill",
      kernel: factor > 4 ? "nearest" : "cubic",
    })
    .png({ palette: true })
    .toBuffer();
}

function unit(row: Float32Array): Float32Array {
  const length = Math.sqrt(dot(row, row));
  return row.map((value) => value / length);
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

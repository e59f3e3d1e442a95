import { type Location, type Place, type SensorName, sensorNames } from "../../core/place.ts";
import type { LabelMap } from "./label-map.ts";
import type { Samples } from "./resample.ts";

/** An image stack in the smallest type that holds its values exactly, in memory that threads share. */
export interface KeptStack {
  data: Samples;
  shape: readonly [dates: number, bands: number, height: number, width: number];
  bands: readonly string[];
  mask?: Uint8Array | undefined;
  dates?: readonly (string | undefined)[] | undefined;
}

/** A place that is read once and then kept. */
export type KeptPlace = { [sensor in SensorName]?: KeptStack } & {
  location?: Location;
  /** Classes of the pixels of the finest images. */
  labelMap?: LabelMap;
  bytes: number;
};

/**
 * Keep a place: pictures as bytes, digital numbers as 16 bits, everything else as it is. Values come back exactly, so
 * that a sample is the same whether it was kept or read anew.
 */
export function keepPlace(place: Place): KeptPlace {
  const kept: KeptPlace = { bytes: 0, ...(place.location && { location: place.location }) };
  for (const sensor of sensorNames) {
    const stack = place[sensor];
    if (stack === undefined) continue;
    const { shape, bands, dates } = stack;
    const data = shared(stack.data, smallestType(stack.data));
    const mask = stack.mask?.includes(0) ? shared(stack.mask, Uint8Array) : undefined;
    kept[sensor] = { data, shape, bands, mask, dates };
    kept.bytes += data.byteLength + (mask?.byteLength ?? 0);
  }
  return kept;
}

type Kept<T> = { new (buffer: SharedArrayBuffer): T; readonly BYTES_PER_ELEMENT: number };

function smallestType(data: Float32Array): Kept<Samples> {
  let [least, most] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value !== (value | 0)) return Float32Array; // no whole number of 32 bits; NaN neither
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least >= 0 && most <= 255) return Uint8Array;
  return least >= -32768 && most <= 32767 ? Int16Array : Float32Array;
}

function shared<T extends Samples>(data: ArrayLike<number>, type: Kept<T>): T {
  const copy = new type(new SharedArrayBuffer(data.length * type.BYTES_PER_ELEMENT));
  copy.set(data);
  return copy;
}

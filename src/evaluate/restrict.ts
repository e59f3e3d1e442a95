import { SkySenseError } from "../core/error.ts";
import { type ImageStack, type Place, type SensorName, sensorNames } from "../core/place.ts";

/** What of each place is looked at. */
export interface Restriction {
  /** Images of other sensors are left out. Default: all are used. */
  sensors?: readonly SensorName[] | undefined;
  /** At most so many dates a sensor, evenly chosen among those with a valid pixel. Default: all. */
  dates?: number | undefined;
}

/**
 * The place with less.
 * @throws SkySenseError `SENSOR_ABSENT` where nothing is left
 */
export function restrictPlace(place: Place, { sensors = sensorNames, dates }: Restriction): Place {
  const out: Place = place.location === undefined ? {} : { location: place.location };
  for (const sensor of sensors) {
    const stack = place[sensor];
    if (stack !== undefined) out[sensor] = dates === undefined ? stack : someDates(stack, dates);
  }
  if (sensorNames.every((sensor) => out[sensor] === undefined)) {
    const there = sensorNames.filter((sensor) => place[sensor] !== undefined);
    throw new SkySenseError({
      code: "SENSOR_ABSENT",
      what: `images of ${sensors.join(" and ")} are wanted, but the place has ${there.join(" and ") || "none"}`,
      remedy: "Choose others by --sensors.",
    });
  }
  return out;
}

/** "S2 and S1, 1 date", for tables; undefined: everything is used. */
export function describeRestriction({ sensors, dates }: Restriction): string | undefined {
  const parts = [
    ...(sensors === undefined ? [] : [sensors.map((sensor) => sensor.toUpperCase()).join(" and ")]),
    ...(dates === undefined ? [] : [dates === 1 ? "1 date" : `${dates} dates`]),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}

function someDates(stack: ImageStack, most: number): ImageStack {
  const { data, mask, dates } = stack;
  const [count, bands, height, width] = stack.shape;
  const pixels = height * width;
  const all = Array.from({ length: count }, (_, t) => t);
  const valid = all.filter((t) => mask === undefined || mask.subarray(t * pixels, (t + 1) * pixels).includes(1));
  const usable = valid.length > 0 ? valid : all;
  if (count <= most) return stack;
  const kept = Math.min(most, usable.length);
  const chosen = Array.from({ length: kept }, (_, i) => usable[Math.floor(((i + 0.5) * usable.length) / kept)]!);
  return {
    ...stack,
    data: joined(data, chosen, bands * pixels, Float32Array),
    shape: [chosen.length, bands, height, width],
    ...(mask && { mask: joined(mask, chosen, pixels, Uint8Array) }),
    ...(dates && { dates: chosen.map((t) => dates[t]) }),
  };
}

function joined<T extends Float32Array | Uint8Array>(
  data: T,
  dates: readonly number[],
  size: number,
  make: new (length: number) => T,
): T {
  const out = new make(dates.length * size);
  for (const [i, t] of dates.entries()) out.set(data.subarray(t * size, (t + 1) * size), i * size);
  return out;
}

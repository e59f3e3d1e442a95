import { SkySenseError } from "../../core/error.ts";
import { type ImageStack, type Place, type SensorName, sensorNames } from "../../core/place.ts";

/** What of a place is looked at. */
export interface ImageChoice {
  sensors: readonly SensorName[];
  /** Images of a sensor, at most. */
  dates: number;
}

/**
 * The images of a place that a model looks at: those of its sensors, of long series evenly chosen dates, of which the
 * first and last are, and of one date the middle. Dates without a valid pixel are left out first.
 *
 * @throws SkySenseError `SENSOR_ABSENT`: nothing is left
 */
export function chooseImages(place: Place, { sensors, dates }: ImageChoice, where?: string): Place {
  const out: Place = place.location === undefined ? {} : { location: place.location };
  for (const sensor of sensors) {
    const stack = place[sensor];
    if (stack !== undefined) out[sensor] = someDates(stack, evenly(datesWithPixels(stack), dates));
  }
  if (sensors.every((sensor) => out[sensor] === undefined)) {
    throw sensorAbsent(
      sensorNames.filter((sensor) => place[sensor] !== undefined),
      { sensors, where },
    );
  }
  return out;
}

/** Nothing of a place is of the sensors that are looked at. */
export function sensorAbsent(
  there: readonly SensorName[],
  { sensors, where }: { sensors: readonly SensorName[]; where?: string | undefined },
): SkySenseError {
  return new SkySenseError({
    code: "SENSOR_ABSENT",
    what: `the place has images of ${there.join(" and ") || "nothing"}, and none of ${sensors.join(" or ")}`,
    ...(where !== undefined && { where }),
    remedy: "Give images of these sensors, or choose others by --sensors.",
  });
}

/** Positions of the dates of which something is seen; all, if nothing is on any. */
function datesWithPixels({ shape, mask }: ImageStack): number[] {
  const [dates, , height, width] = shape;
  const all = Array.from({ length: dates }, (_, t) => t);
  if (mask === undefined) return all;
  const plane = height * width;
  const seen = all.filter((t) => mask.subarray(t * plane, (t + 1) * plane).includes(1));
  return seen.length === 0 ? all : seen;
}

/** At most so many items, evenly chosen. */
export function evenly<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  if (most === 1) return [items[Math.floor(items.length / 2)]!];
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]!);
}

function someDates(stack: ImageStack, chosen: readonly number[]): ImageStack {
  const { shape, data, mask, dates } = stack;
  const [count, bands, height, width] = shape;
  if (chosen.length === count) return stack;
  const pick = <T extends Float32Array | Uint8Array>(from: T, size: number): T => {
    const out = new (from.constructor as new (length: number) => T)(chosen.length * size);
    for (const [i, t] of chosen.entries()) out.set(from.subarray(t * size, (t + 1) * size), i * size);
    return out;
  };
  return {
    ...stack,
    data: pick(data, bands * height * width),
    shape: [chosen.length, bands, height, width],
    ...(mask && { mask: pick(mask, height * width) }),
    ...(dates && { dates: chosen.map((t) => dates[t]) }),
  };
}

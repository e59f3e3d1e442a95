import { SkySenseError } from "../core/error.ts";
import { type Place, type SensorName, sensorNames } from "../core/place.ts";
import { regionOf } from "../model/geo-context.ts";
import { addContext } from "./add-context.ts";
import { encodeImages } from "./encode-images.ts";
import type { Engine, PlaceFeatures, PreparedPlace } from "./engine.ts";
import { type FusedCells, fusePlaces } from "./fuse-places.ts";
import { prepareStack } from "./prepare.ts";

/** A place that may know the region of each of its cells, where it is too large for one. */
export type LocatedPlace = Place & { regions?: Int32Array };

/** Features of one place, cells before channels. */
export interface EncodedCells extends FusedCells {
  grid: readonly [height: number, width: number];
  /** [dates, cells, width] a sensor. */
  sensors: PlaceFeatures;
  used: { [sensor in SensorName]?: { bands: readonly string[]; dates: readonly (string | undefined)[] } };
  /** Region of the geo-context at each cell, −1 where the location is not known; undefined: the model has none. */
  regions: Int32Array | undefined;
  notes: readonly string[];
}

/**
 * Encode places, each with whatever sensors and dates it has.
 *
 * Images of one sensor and size go through their encoder together, whichever place they are of; then cells of places
 * with the same sensors, dates and region are fused together.
 *
 * @throws SkySenseError `EMPTY_PLACE` | `GRIDS_DIFFER` and those of {@link prepareStack}
 */
export async function encodePlaces(places: readonly LocatedPlace[], engine: Engine): Promise<EncodedCells[]> {
  const prepared = places.map((place) => preparePlace(place, engine));
  const features = await encodeImages(prepared, engine);
  const encoded = prepared.map((place, i) => ({ ...place, features: features[i]! }));
  const fused = await fusePlaces(encoded, engine);
  for (const [i, { regions }] of encoded.entries()) {
    if (regions !== undefined) fused[i] = await addContext(fused[i]!, regions, engine);
  }
  return encoded.map(({ stacks, grid, regions, notes, features }, i) => ({
    ...fused[i]!,
    grid,
    regions,
    notes,
    sensors: features,
    used: Object.fromEntries(Object.entries(stacks).map(([sensor, { bands, dates }]) => [sensor, { bands, dates }])),
  }));
}

function preparePlace(place: LocatedPlace, { config, visits }: Engine): PreparedPlace {
  const stacks: PreparedPlace["stacks"] = {};
  let first: { sensor: SensorName; grid: readonly [number, number] } | undefined;
  for (const sensor of sensorNames) {
    const stack = place[sensor];
    if (stack === undefined) continue;
    const prepared = prepareStack(sensor, stack, config);
    first ??= { sensor, grid: prepared.grid };
    if (first.grid[0] !== prepared.grid[0] || first.grid[1] !== prepared.grid[1]) {
      throw new SkySenseError({
        code: "GRIDS_DIFFER",
        what:
          `${first.sensor} covers ${first.grid[1]}×${first.grid[0]} cells and ${sensor} ` +
          `${prepared.grid[1]}×${prepared.grid[0]}`,
        remedy: "Give all sensors over the same ground, HR at 32 pixels for each Sentinel pixel.",
      });
    }
    stacks[sensor] = prepared;
  }
  if (first === undefined) {
    throw new SkySenseError({
      code: "EMPTY_PLACE",
      what: "a place without any image",
      remedy: "Give at least one of hr, s2 and s1.",
    });
  }
  const notes = Object.values(stacks).flatMap((stack) => stack.notes);
  const geo = config.geoContext;
  if (geo === undefined) return { stacks, grid: first.grid, regions: undefined, notes };
  const cells = first.grid[0] * first.grid[1];
  const region = place.location === undefined ? -1 : regionOf(place.location, geo.grid);
  const located = place.regions ?? new Int32Array(cells).fill(region);
  const regions = visits === undefined ? located : located.map((r) => (r >= 0 && visits[r] === 0 ? -1 : r));
  if (regions.every((r) => r < 0)) {
    const why = located.every((r) => r < 0) ? "the location is not known" : "pre-training saw nothing of this region";
    notes.push(`${why}: the geo-context half of the fused features is zero`);
  }
  return { stacks, grid: first.grid, regions, notes };
}

import { type SensorName, sensorNames } from "../core/place.ts";
import { dayIndex } from "../model/calendar.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import type { HostTensor } from "../runtime/session.ts";
import { type Engine, inChunks, type PlaceFeatures, type PreparedPlace, tokensPerRun } from "./engine.ts";
import { hasDateCode } from "./sessions.ts";

/** A place whose images went through their encoders. */
export type EncodedPlace = PreparedPlace & { features: PlaceFeatures };

/** Fused features of one place. */
export interface FusedCells {
  /** [cells, channels]; rows of cells without any valid token are NaN. */
  fused: Float32Array;
  channels: number;
  /** [cells]: 1 where at least one token was valid. */
  valid: Uint8Array;
}

/** Fuse sensors and dates at every cell; places with the same sensors and dates share runs. */
export async function fusePlaces(places: readonly EncodedPlace[], engine: Engine): Promise<FusedCells[]> {
  const groups = new Map<string, number[]>();
  for (const [i, place] of places.entries()) {
    const key = JSON.stringify(fusionDays(place, engine.config));
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  const results: FusedCells[] = [];
  for (const group of groups.values()) {
    const fused = await fuseGroup(
      group.map((i) => places[i]!),
      engine,
    );
    for (const [k, i] of group.entries()) results[i] = fused[k]!;
  }
  return results;
}

/** Rows of the calendar table a sensor; one past its end where a date is not known. */
function fusionDays({ stacks }: PreparedPlace, config: SkySenseConfig): { [sensor in SensorName]?: number[] } {
  const last = config.calendar.kind === "none" ? 0 : config.calendar.days;
  return Object.fromEntries(
    sensorNames.flatMap((sensor) => {
      const dates = stacks[sensor]?.dates;
      return dates === undefined
        ? []
        : [[sensor, dates.map((date) => (date === undefined ? last : dayIndex(date, last)))]];
    }),
  );
}

/** Places with the same sensors and dates: their cells one after the other. */
async function fuseGroup(
  group: readonly EncodedPlace[],
  { config, sessions, signal }: Engine,
): Promise<FusedCells[]> {
  const sensors = sensorNames.filter((sensor) => group[0]!.stacks[sensor] !== undefined);
  const dates = Object.fromEntries(sensors.map((sensor) => [sensor, group[0]!.stacks[sensor]!.shape[0]]));
  const masked = group.some(({ stacks }) => Object.values(stacks).some(({ cellMask }) => cellMask !== undefined));
  const session = await sessions.fusion({ dates, masked });

  const fixed: Record<string, HostTensor> = {};
  const days = fusionDays(group[0]!, config);
  for (const sensor of sensors) {
    if (!hasDateCode(config, sensor)) continue;
    fixed[`days.${sensor}`] = { data: BigInt64Array.from(days[sensor]!, BigInt), shape: [1, days[sensor]!.length] };
  }

  const counts = group.map(({ grid }) => grid[0] * grid[1]);
  const total = counts.reduce((sum, n) => sum + n, 0);
  const width = config.fusion.inputWidth;
  const all = sensors.map((sensor) => ({
    sensor,
    dates: dates[sensor]!,
    data: joinCells(
      group.map(({ features }) => features[sensor]!),
      counts,
      dates[sensor]! * width,
      width,
    ),
  }));
  const { mask, valid } = tokenMask(group, sensors, counts);
  const tokens = all.reduce((sum, { dates }) => sum + dates, 0);
  const channels = config.fusion.width;
  const fused = new Float32Array(total * channels);

  const cells = Array.from({ length: Math.ceil(total / cellsPerRun(tokens)) }, (_, i) => i * cellsPerRun(tokens));
  await inChunks(cells, 1, async ([start]) => {
    const end = Math.min(start! + cellsPerRun(tokens), total);
    const feeds: Record<string, HostTensor> = { ...fixed };
    for (const { sensor, dates, data } of all) {
      const part = new Float32Array(dates * (end - start!) * width);
      for (let t = 0; t < dates; t++) {
        const from = (t * total + start!) * width;
        part.set(data.subarray(from, from + (end - start!) * width), t * (end - start!) * width);
      }
      feeds[sensor] = { data: part, shape: [1, dates, end - start!, width] };
    }
    if (masked) feeds.mask = { data: mask.subarray(start! * tokens, end * tokens), shape: [1, end - start!, tokens] };
    const { fused: part } = await session.run(feeds, { signal });
    fused.set(part!.data as Float32Array, start! * channels);
  });

  let start = 0;
  return group.map((_, i) => {
    const range = [start, start + counts[i]!] as const;
    start = range[1];
    const placeValid = valid.subarray(...range);
    const placeFused = fused.subarray(range[0] * channels, range[1] * channels);
    for (const [cell, v] of placeValid.entries())
      if (v === 0) placeFused.fill(Number.NaN, cell * channels, (cell + 1) * channels);
    return { fused: placeFused, channels, valid: placeValid };
  });
}

function cellsPerRun(tokens: number): number {
  return Math.max(1, Math.floor(tokensPerRun / (tokens + 1)));
}

/** [dates, cells of one place, width] of each place → [dates, cells of all, width]. */
function joinCells(
  parts: readonly Float32Array[],
  counts: readonly number[],
  perCell: number,
  width: number,
): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const total = counts.reduce((sum, n) => sum + n, 0);
  const dates = perCell / width;
  const out = new Float32Array(total * perCell);
  for (let t = 0; t < dates; t++) {
    let at = t * total * width;
    for (const [i, part] of parts.entries()) {
      const length = counts[i]! * width;
      out.set(part.subarray(t * length, (t + 1) * length), at);
      at += length;
    }
  }
  return out;
}

/** Added to the logits of absent tokens: large enough that exp gives 0, small enough to stay finite. */
const absent = -1e9;

/** [cells, tokens] of 0 or {@link absent}, and which cells have any token. */
function tokenMask(group: readonly EncodedPlace[], sensors: readonly SensorName[], counts: readonly number[]) {
  const tokens = sensors.reduce((sum, sensor) => sum + group[0]!.stacks[sensor]!.shape[0], 0);
  const total = counts.reduce((sum, n) => sum + n, 0);
  const mask = new Float32Array(total * tokens);
  const valid = new Uint8Array(total).fill(1);
  let start = 0;
  for (const [i, { stacks }] of group.entries()) {
    const cells = counts[i]!;
    let first = 0;
    for (const sensor of sensors) {
      const { cellMask, shape } = stacks[sensor]!;
      for (let k = 0; cellMask !== undefined && k < cellMask.length; k++) {
        const [t, cell] = [Math.floor(k / cells), k % cells];
        if (cellMask[k] === 0) mask[(start + cell) * tokens + first + t] = absent;
      }
      first += shape[0];
    }
    for (let cell = start; cell < start + cells; cell++) {
      if (mask.subarray(cell * tokens, (cell + 1) * tokens).every((m) => m === absent)) valid[cell] = 0;
    }
    start += cells;
  }
  return { mask, valid };
}

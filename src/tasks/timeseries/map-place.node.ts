import type { Window } from "../../core/grid.ts";
import { type Place, type SensorName, sensorNames } from "../../core/place.ts";
import { commonPeriod, pixelsPerCell } from "../../embed/prepare.ts";
import { createBlender, rowWindows, type Tiling, tileScene } from "../../embed/tiling.ts";
import { chooseWindows } from "../../embed/windows.ts";
import { emptyCells } from "../maps/class-map.node.ts";
import { classRows } from "../maps/class-rows.ts";
import { partOf } from "../maps/map-image.node.ts";
import type { SeriesConfig } from "./head.ts";
import type { SeriesSession } from "./series-session.node.ts";

/** How a place is cut, in cells; both have defaults: what the model learnt from, and a quarter of it. */
export interface WindowOptions {
  window?: number | undefined;
  overlap?: number | undefined;
}

/** A class for every pixel of a place: [height, width]. */
export interface PlaceMap {
  labels: Uint8Array;
  /** Of the label, percent. */
  confidence: Uint8Array;
  /** 0 where no image shows anything. */
  valid: Uint8Array;
  width: number;
  height: number;
}

/**
 * Cut a field of cells into windows whose weights add up to one at every cell.
 * @throws SkySenseError `BAD_WINDOW`
 */
export function tileCells(
  config: SeriesConfig,
  { width, height, dates }: { width: number; height: number; dates: { [sensor in SensorName]?: number } },
  { window = config.size, overlap }: WindowOptions = {},
): { tiling: Tiling; window: number; overlap: number; batch: number } {
  const present = sensorNames.flatMap((sensor) =>
    dates[sensor] === undefined ? [] : [{ sensor, dates: new Array<undefined>(dates[sensor]).fill(undefined) }],
  );
  const period = commonPeriod(
    config.model,
    present.map(({ sensor }) => sensor),
  );
  const chosen = chooseWindows({ sensors: present }, { window, overlap, period });
  return { tiling: tileScene({ width, height, ...chosen }), ...chosen };
}

/**
 * Map the classes of a place in memory, in the same windows as a scene on disk.
 *
 * @param options.width, options.height  Of the map, in pixels: cells, or a multiple of them.
 */
export async function mapPlace(
  session: SeriesSession,
  place: Place,
  {
    width,
    height,
    signal,
    ...windows
  }: WindowOptions & { width: number; height: number; signal?: AbortSignal | undefined },
): Promise<PlaceMap> {
  const { config } = session;
  const sensors = sensorNames.filter((sensor) => place[sensor] !== undefined);
  const [first] = sensors as [SensorName];
  const side = pixelsPerCell(config.model, first);
  const [rows, columns] = [Math.ceil(place[first]!.shape[2] / side), Math.ceil(place[first]!.shape[3] / side)];
  const dates = Object.fromEntries(sensors.map((sensor) => [sensor, place[sensor]!.shape[0]]));
  const { tiling, batch } = tileCells(config, { width: columns, height: rows, dates }, windows);
  const classes = config.classes.length;
  const blender = createBlender(tiling, { width: columns, channels: classes });
  const empty = new Uint8Array(rows * columns);
  let done = 0;
  async function* blended() {
    for (let row = 0; row < tiling.rows.starts.length; row++) {
      const parts = rowWindows(tiling, row);
      for (let from = 0; from < parts.length; from += batch) {
        const some = parts.slice(from, from + batch).map((window) => partOfPlace(place, window, config));
        const scores = await session.scores(some, { signal });
        for (const [i, one] of scores.entries()) blender.add(row, from + i, one);
      }
      const cells = blender.take(row);
      empty.set(emptyCells(cells, classes) ?? [], done);
      done += cells.length / classes;
      yield cells;
    }
  }
  // Cells stick out of images whose sides are no multiple of them; of coarser images than the map, they are its parts.
  const stride = width === place[first]!.shape[3] ? side : Math.round(width / columns);
  const map = { labels: new Uint8Array(width * height), confidence: new Uint8Array(width * height) };
  const field = { rows, columns, classes, stride, width, height };
  for await (const { first: top, labels, confidence } of classRows(blended(), field)) {
    map.labels.set(labels, top * width);
    map.confidence.set(confidence, top * width);
  }
  const valid = Uint8Array.from(map.labels, (_, p) => {
    const cell = Math.floor(Math.floor(p / width) / stride) * columns + Math.floor((p % width) / stride);
    return 1 - empty[cell]!;
  });
  return { ...map, valid, width, height };
}

/** The part of a place in a window of cells. */
function partOfPlace(place: Place, window: Window, { model }: SeriesConfig): Place {
  const part: Place = place.location === undefined ? {} : { location: place.location };
  for (const sensor of sensorNames) {
    const stack = place[sensor];
    if (stack === undefined) continue;
    const side = pixelsPerCell(model, sensor);
    part[sensor] = partOf(stack, window.map((cells) => cells * side) as unknown as Window);
  }
  return part;
}

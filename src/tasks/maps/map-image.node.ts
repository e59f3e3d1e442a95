import type { Window } from "../../core/grid.ts";
import type { ImageStack, Place } from "../../core/place.ts";
import { createBlender, rowWindows } from "../../embed/tiling.ts";
import { classRows } from "./class-rows.ts";
import type { MapSession } from "./map-session.node.ts";
import { stride } from "./mapper.ts";
import { tileField, type WindowOptions } from "./tiling.ts";

/** A class for every pixel: [height, width]. */
export interface ClassMap {
  labels: Uint8Array;
  confidence: Uint8Array;
  width: number;
  height: number;
}

/** Map the classes of a place in memory, in the same windows as a scene on disk. */
export async function mapImage(
  session: MapSession,
  place: Place,
  { signal, ...windows }: WindowOptions & { signal?: AbortSignal | undefined } = {},
): Promise<ClassMap> {
  const { config } = session;
  const stack = place[config.sensor]!;
  const [, , height, width] = stack.shape;
  const step = stride(config);
  const [columns, rows] = [Math.ceil(width / step), Math.ceil(height / step)];
  const classes = config.classes.length;
  const { tiling } = tileField(config, { width: columns, height: rows }, windows);
  const blender = createBlender(tiling, { width: columns, channels: classes });
  async function* blended() {
    for (let row = 0; row < tiling.rows.starts.length; row++) {
      for (const [column, window] of rowWindows(tiling, row).entries()) {
        const part = partOf(stack, window.map((cells) => cells * step) as unknown as Window);
        const [scores] = await session.scores([{ [config.sensor]: part }], { signal });
        blender.add(row, column, scores!);
      }
      yield blender.take(row);
    }
  }
  const map = { labels: new Uint8Array(width * height), confidence: new Uint8Array(width * height), width, height };
  for await (const { first, labels, confidence } of classRows(blended(), {
    rows,
    columns,
    classes,
    stride: step,
    width,
    height,
  })) {
    map.labels.set(labels, first * width);
    map.confidence.set(confidence, first * width);
  }
  return map;
}

/** The part of an image that lies in a window. */
export function partOf(stack: ImageStack, [left, top, wide, tall]: Window): ImageStack {
  const [dates, bands, height, width] = stack.shape;
  const [w, h] = [Math.min(wide, width - left), Math.min(tall, height - top)];
  const copy = <T extends Float32Array | Uint8Array>(from: T, planes: number): T => {
    const out = new (from.constructor as new (length: number) => T)(planes * w * h);
    for (let plane = 0; plane < planes; plane++) {
      for (let row = 0; row < h; row++) {
        const start = (plane * height + top + row) * width + left;
        out.set(from.subarray(start, start + w), (plane * h + row) * w);
      }
    }
    return out;
  };
  return {
    ...stack,
    data: copy(stack.data, dates * bands),
    shape: [dates, bands, h, w],
    ...(stack.mask && { mask: copy(stack.mask, dates) }),
  };
}

import { SkySenseError } from "../../core/error.ts";
import type { Grid, Window } from "../../core/grid.ts";
import type { LongCall } from "../../core/progress.ts";
import { period, pixelsPerCell } from "../../embed/prepare.ts";
import { type AxisTiling, rowWindows, tileScene } from "../../embed/tiling.ts";
import type { PlaceFiles } from "../../imagery/scene/place-files.node.ts";
import { withSceneOf } from "../../imagery/scene/read-scene.node.ts";
import type { Scene } from "../../imagery/scene/scene.ts";
import { boxKind } from "../../model/detection/box-kind.ts";
import { takeRows } from "../../model/detection/boxes.ts";
import type { Detections } from "../../model/detection/detections.ts";
import type { DetectorSession } from "./detector-session.node.ts";
import { fasterRcnnOf } from "./head.ts";

/** How a scene is cut, in pixels; both have defaults. */
export interface WindowOptions {
  /** Side of what the model sees at once. Default: 1024. */
  window?: number | undefined;
  /** Pixels that neighbouring windows share: objects should be smaller. Default a quarter of the window. */
  overlap?: number | undefined;
}

/**
 * Find objects in an HR scene of any size, window by window. Of what neighbouring windows both see, a detection counts
 * where its centre is further from the window's end.
 *
 * @returns objects in pixels of the scene's grid, or of the source's window, by falling score
 * @throws SkySenseError `BAD_WINDOW` | `BAD_SAMPLE` and those of `openScene`
 */
export function detectScene(
  session: DetectorSession,
  source: PlaceFiles,
  options: WindowOptions & LongCall = {},
): Promise<{ objects: Detections; grid: Grid }> {
  const { signal } = options;
  return withSceneOf(source, { signal, keep: false }, async (scene) => {
    if (!scene.sensors.some(({ sensor }) => sensor === "hr") || scene.hrPixelsPerCell !== 1) {
      throw new SkySenseError({
        code: "BAD_SAMPLE",
        what: "the image is not of the sensor hr alone",
        where: source.files.join(", "),
        remedy: "Give one aerial image; say what it is by --sensor hr.",
      });
    }
    const { width, height } = scene.grid;
    const { window = [0, 0, width, height] } = source;
    return { objects: await detectInWindows(session, scene, window, options), grid: scene.grid };
  });
}

async function detectInWindows(
  session: DetectorSession,
  scene: Scene,
  [west, north, width, height]: Window,
  { window, overlap, signal, onProgress }: WindowOptions & LongCall,
): Promise<Detections> {
  const settings = fasterRcnnOf(session.config);
  const kind = boxKind(settings.boxes);
  const { iou } = settings.detections;
  const tiling = tileScene({ width, height, ...windowsOf(session, { window, overlap }) });
  const total = tiling.rows.starts.length * tiling.columns.starts.length;
  const found: (readonly [box: number[], score: number, label: number])[] = [];
  for (let row = 0, done = 0; row < tiling.rows.starts.length; row++) {
    const [top, bottom] = ownRange(tiling.rows, row);
    for (const [column, part] of rowWindows(tiling, row).entries()) {
      signal?.throwIfAborted();
      const [left, right] = ownRange(tiling.columns, column);
      const [x, y, w, h] = part;
      const place = await scene.read([west + x, north + y, w, h], signal && { signal });
      const { boxes, scores, labels } = await session.detect(place, { signal });
      for (const [i, score] of scores.entries()) {
        const box = moved([...boxes.subarray(kind.dims * i, kind.dims * (i + 1))], part);
        const [cx, cy] = centreOf(box);
        if (cx < left || cx >= right || cy < top || cy >= bottom) continue;
        found.push([box, score, labels[i]!]);
      }
      onProgress?.({ phase: "detect", done: ++done, total, unit: "windows" });
    }
  }
  const boxes = Float32Array.from(found.flatMap(([box]) => box));
  const scores = Float32Array.from(found, ([, score]) => score);
  const groups = found.map(([, , label]) => label);
  const kept = kind.suppress(boxes, scores, { iou, groups, most: Number.POSITIVE_INFINITY });
  return {
    boxes: takeRows(boxes, kept, kind.dims),
    scores: takeRows(scores, kept, 1),
    labels: Int32Array.from(kept, (i) => groups[i]!),
  };
}

/** A box of a window in pixels of the scene: corners, or centre, sides and angle. */
function moved([a, b, c, d, ...angle]: number[], [left, top]: Window): number[] {
  const rest = angle.length > 0 ? [c!, d!] : [c! + left, d! + top];
  return [a! + left, b! + top, ...rest, ...angle];
}

function centreOf([a, b, c, d, angle]: readonly number[]): [x: number, y: number] {
  return angle === undefined ? [(a! + c!) / 2, (b! + d!) / 2] : [a!, b!];
}

/** Where on an axis a window's detections count: to the middle of what it shares with its neighbours. */
function ownRange({ starts, sizes }: AxisTiling, k: number): [from: number, to: number] {
  const end = (i: number) => starts[i]! + sizes[i]!;
  return [
    k === 0 ? Number.NEGATIVE_INFINITY : (starts[k]! + end(k - 1)) / 2,
    k === starts.length - 1 ? Number.POSITIVE_INFINITY : (starts[k + 1]! + end(k)) / 2,
  ];
}

function windowsOf({ config: { model } }: DetectorSession, { window = 1024, overlap }: WindowOptions) {
  const step = pixelsPerCell(model, "hr") * period(model, "hr");
  const side = Math.ceil(window / step) * step;
  const shared = overlap === undefined ? Math.floor(side / 4 / step) * step : Math.ceil(overlap / step) * step;
  if (shared < side) return { window: side, overlap: shared, period: step };
  throw new SkySenseError({
    code: "BAD_WINDOW",
    what: `windows of ${side} pixels cannot share ${shared}`,
    remedy: "Choose a larger --window or a smaller --overlap.",
  });
}

import type { StoredTensor } from "../core/safetensors.ts";
import { decodeMidpoints, encodeMidpoints } from "../model/detection/rotated/midpoint-coder.ts";
import { fromPolygons, toHorizontal, toPolygons } from "../model/detection/rotated/rotated-boxes.ts";
import { decodeRotated, encodeRotated } from "../model/detection/rotated/rotated-coder.ts";
import { rotatedIou, rotatedNms } from "../model/detection/rotated/rotated-iou.ts";
import { type ModuleProgram, type Tensors, takeInput } from "./module-inputs.ts";
import { float32, floatsOf, int64 } from "./stored-values.ts";

/** Settings of Oriented R-CNN (specification §6.3). */
const midpointScale = { means: [0, 0, 0, 0, 0, 0], stds: [1, 1, 1, 1, 0.5, 0.5] };
const headScale = { means: [0, 0, 0, 0, 0], stds: [0.1, 0.1, 0.2, 0.2, 0.1] };
const ious = [0.1, 0.3, 0.5];

/**
 * Arithmetic of oriented boxes, each part for which the inputs are there: `iou.{a,b}` → `iou.out` (double precision);
 * `nms.{boxes,score}` → `nms.keep.*`; `transform.obb` → `transform.{poly,hbb,obb_from_poly}`;
 * `midpoint.{hboxes,gt}` → `midpoint.deltas`, `midpoint.{hboxes,pred}` → `midpoint.decoded`; `rbox.*` likewise.
 */
export const rotatedBoxes: ModuleProgram = async (inputs) => {
  const results = new Map<string, StoredTensor>();
  const rows = (name: string) => {
    takeInput(inputs, name, 2);
    return floatsOf(inputs, name);
  };
  if (inputs.has("iou.a")) {
    const [a, b] = [rows("iou.a"), rows("iou.b")];
    results.set("iou.out", { dtype: "F64", shape: [a.length / 5, b.length / 5], data: rotatedIou(a, b) });
  }
  if (inputs.has("nms.boxes")) addSuppression(inputs, results, rows("nms.boxes"));
  if (inputs.has("transform.obb")) {
    const boxes = rows("transform.obb");
    const polygons = toPolygons(boxes);
    results.set("transform.poly", float32(polygons, 8));
    results.set("transform.hbb", float32(toHorizontal(boxes), 4));
    results.set("transform.obb_from_poly", float32(fromPolygons(polygons), 5));
  }
  if (inputs.has("midpoint.gt")) {
    const deltas = encodeMidpoints(rows("midpoint.hboxes"), rows("midpoint.gt"), midpointScale);
    results.set("midpoint.deltas", float32(deltas, 6));
  }
  if (inputs.has("midpoint.pred")) {
    const boxes = decodeMidpoints(rows("midpoint.hboxes"), rows("midpoint.pred"), midpointScale);
    results.set("midpoint.decoded", float32(boxes, 5));
  }
  if (inputs.has("rbox.gt")) {
    results.set("rbox.deltas", float32(encodeRotated(rows("rbox.rois"), rows("rbox.gt"), headScale), 5));
  }
  if (inputs.has("rbox.pred")) {
    results.set("rbox.decoded", float32(decodeRotated(rows("rbox.rois"), rows("rbox.pred"), headScale), 5));
  }
  return results;
};

function addSuppression(inputs: Tensors, results: Map<string, StoredTensor>, boxes: Float32Array<ArrayBuffer>): void {
  takeInput(inputs, "nms.score", 1);
  const scores = floatsOf(inputs, "nms.score");
  for (const iou of ious) results.set(`nms.keep.${iou}`, int64(rotatedNms(boxes, scores, { iou })));
}

import type { StoredTensor } from "../core/safetensors.ts";
import { roiAlign } from "../graph/ops/roi-align.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { anchorGrid, baseAnchors } from "../model/detection/anchors.ts";
import { assignBoxes } from "../model/detection/assign.ts";
import { decodeDeltas, encodeDeltas } from "../model/detection/delta-coder.ts";
import { nms } from "../model/detection/nms.ts";
import { roiLevels } from "../model/detection/roi-levels.ts";
import { type ModuleProgram, type Tensors, takeInput } from "./module-inputs.ts";
import { float32, floatsOf, int64 } from "./stored-values.ts";

/** Settings of the official detector, and the grids and the image of the reference case. */
const anchors = { scales: [8], ratios: [0.5, 1, 2], strides: [4, 8, 16, 32, 64] };
const grids = [
  [3, 4],
  [2, 2],
  [1, 2],
  [1, 1],
  [1, 1],
] as const;
const clip = [80, 100] as const;
const rpnScale = { means: [0, 0, 0, 0], stds: [1, 1, 1, 1] };
const headScale = { means: [0, 0, 0, 0], stds: [0.1, 0.1, 0.2, 0.2] };
const rpnAssign = { positive: 0.7, negative: 0.3, best: 0.3 };
const headAssign = { positive: 0.5, negative: 0.5 };
const ious = [0.3, 0.5, 0.7];

type Results = Map<string, StoredTensor>;

/**
 * The box arithmetic of Faster R-CNN (specification §6), each part for which the inputs are there: `anchors.*`;
 * `decode.{rois,deltas}` → `decode.rpn.out`, `decode.rcnn.deltas` → `decode.rcnn.out`; `encode.gt` → `encode.deltas`;
 * `roi_align.{features,rois}` → `roi_align.pooled.*`; `roi_levels.rois` → `roi_levels.level`;
 * `nms.{boxes,score,class}` → `nms.keep.*`; `assign.{anchors,gt,proposals}` → `assign.*`.
 */
export const detectionPieces: ModuleProgram = async (inputs, compute) => {
  const results: Results = new Map();
  addAnchors(results);
  addCoding(inputs, results);
  addLevels(inputs, results);
  addSuppression(inputs, results);
  addAssignment(inputs, results);
  if (inputs.has("roi_align.features")) {
    const graph = poolingGraph(inputs);
    for (const [name, value] of await compute(graph.outputs, graph.feeds)) results.set(name, value);
  }
  return results;
};

function addAnchors(results: Results): void {
  for (const [i, [rows, columns]] of grids.entries()) {
    const stride = anchors.strides[i]!;
    const base = baseAnchors({ ...anchors, stride });
    results.set(`anchors.base.${i}`, float32(base, 4));
    results.set(`anchors.grid.${i}`, float32(anchorGrid(base, { stride, rows, columns }), 4));
  }
}

/** Rows [n, …] of a tensor that must be there, as float32. */
function rows(inputs: Tensors, name: string): Float32Array<ArrayBuffer> {
  takeInput(inputs, name, 2);
  return floatsOf(inputs, name);
}

function addCoding(inputs: Tensors, results: Results): void {
  if (inputs.has("decode.deltas")) {
    const boxes = decodeDeltas(rows(inputs, "decode.rois"), rows(inputs, "decode.deltas"), { ...rpnScale, clip });
    results.set("decode.rpn.out", float32(boxes, 4));
  }
  if (inputs.has("decode.rcnn.deltas")) {
    const { shape } = takeInput(inputs, "decode.rcnn.deltas", 2);
    const boxes = decodeDeltas(rows(inputs, "decode.rois"), rows(inputs, "decode.rcnn.deltas"), {
      ...headScale,
      clip,
    });
    results.set("decode.rcnn.out", float32(boxes, shape[1]!));
  }
  if (inputs.has("encode.gt")) {
    const deltas = encodeDeltas(rows(inputs, "decode.rois"), rows(inputs, "encode.gt"), headScale);
    results.set("encode.deltas", float32(deltas, 4));
  }
}

function addLevels(inputs: Tensors, results: Results): void {
  if (!inputs.has("roi_levels.rois")) return;
  results.set("roi_levels.level", int64(roiLevels(boxesOf(rows(inputs, "roi_levels.rois")), 4)));
}

/** Regions [n, 5] begin with the number of their image. */
function boxesOf(regions: Float32Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(regions.filter((_, k) => k % 5 !== 0));
}

function addSuppression(inputs: Tensors, results: Results): void {
  if (!inputs.has("nms.boxes")) return;
  const boxes = rows(inputs, "nms.boxes");
  takeInput(inputs, "nms.score", 1);
  const scores = floatsOf(inputs, "nms.score");
  const groups = inputs.has("nms.class") ? floatsOf(inputs, "nms.class") : undefined;
  for (const iou of ious) {
    results.set(`nms.keep.${iou}`, int64(nms(boxes, scores, { iou })));
    if (groups !== undefined) results.set(`nms.keep_per_class.${iou}`, int64(nms(boxes, scores, { iou, groups })));
  }
}

function addAssignment(inputs: Tensors, results: Results): void {
  if (inputs.has("assign.anchors")) {
    const rpn = assignBoxes(rows(inputs, "assign.anchors"), rows(inputs, "assign.gt"), rpnAssign);
    results.set("assign.rpn.gt_index", int64(rpn.objects));
    results.set("assign.rpn.max_iou", float32(rpn.overlaps));
  }
  if (inputs.has("assign.proposals")) {
    const { objects } = assignBoxes(rows(inputs, "assign.proposals"), rows(inputs, "assign.gt"), headAssign);
    results.set("assign.rcnn.gt_index", int64(objects));
  }
}

/** RoIAlign as the model has it, of a map with a quarter of the image's pixels. */
function poolingGraph(inputs: Tensors): { outputs: Record<string, Tensor>; feeds: Tensors } {
  const { shape } = takeInput(inputs, "roi_align.features", 4);
  const regions = rows(inputs, "roi_align.rois");
  const n = regions.length / 5;
  const [rois, image] = [input("rois", [n, 4]), input("image", [n], "int64")];
  const x = input("roi_align.features", shape);
  const pooled = (samples: number) => roiAlign(x, { rois, image }, { size: 7, scale: 1 / 4, samples });
  const images = int64(regions.filter((_, k) => k % 5 === 0));
  return {
    outputs: { "roi_align.pooled.sampling0": pooled(0), "roi_align.pooled.sampling2": pooled(2) },
    feeds: new Map([...inputs, ["rois", float32(boxesOf(regions), 4)], ["image", images]]),
  };
}

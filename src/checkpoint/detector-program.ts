import { z } from "zod";
import type { StoredTensor } from "../core/safetensors.ts";
import { batchDim } from "../graph/shape.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { boxKind } from "../model/detection/box-kind.ts";
import type { Boxes } from "../model/detection/boxes.ts";
import { detections } from "../model/detection/detections.ts";
import {
  type FasterRcnnConfig,
  type FasterRcnnParams,
  firstStage,
  initFasterRcnn,
  levelOutputs,
  secondStage,
} from "../model/detection/faster-rcnn.ts";
import { fpn, initFpn } from "../model/detection/fpn.ts";
import { proposals } from "../model/detection/proposals.ts";
import { roiLevels } from "../model/detection/roi-levels.ts";
import { bindParameters, type ParameterTree } from "../model/parameters.ts";
import {
  badInputs,
  type Compute,
  checkChannels,
  type ModuleDescription,
  type ModuleGraph,
  type ModuleProgram,
  type ModuleRequest,
  mapAt,
  type Tensors,
  takeInput,
  takeMaps,
} from "./module-inputs.ts";
import { parse } from "./official-config.ts";
import { fasterRcnnConfig, fpnConfig } from "./official-detectors.ts";
import { float32, floatsOf, int64 } from "./stored-values.ts";

/** mmdet's `FPN`: maps `input.<i>` → `out.<i>`. */
export function fpnGraph({ kwargs, inputs }: ModuleRequest): ModuleGraph {
  const config = fpnConfig(kwargs);
  const parameters = initFpn(config);
  const all = takeMaps(inputs);
  const maps = config.levels.map((channels, i) => mapAt(all, i, channels));
  const outputs = fpn(bindParameters(parameters), maps, config);
  return { parameters, outputs: Object.fromEntries(outputs.map((map, i) => [`out.${i}`, map])) };
}

/**
 * mmdet's `FasterRCNN` on one image: `image` → `fpn.<i>`, `rpn_cls.<i>`, `rpn_reg.<i>`, `proposals`,
 * `proposal_scores`, `roi_features`, `cls_score`, `bbox_pred`, `boxes`, `scores`, `labels`.
 */
export function fasterRcnn({ constructor: kwargs, img_shape }: ModuleDescription): ModuleProgram {
  const config = fasterRcnnConfig(kwargs);
  const size = z.tuple([z.int().positive(), z.int().positive()]);
  const clip = img_shape === undefined ? undefined : parse("FasterRCNN", size, img_shape);
  const kind = boxKind(config.boxes);
  const p = bindParameters(initFasterRcnn(config) as ParameterTree) as unknown as FasterRcnnParams;
  return async (inputs, compute) => {
    const { shape } = takeInput(inputs, "image", 4);
    if (shape[0] !== 1) throw badInputs(`"image" holds ${shape[0]} images, not one`);
    const image = input("image", shape);
    checkChannels(image, 1, config.backbone.bands);
    const { maps, logits, deltas } = firstStage(p, image, config);
    const parts = { fpn: maps, rpn_cls: logits, rpn_reg: deltas };
    const first = await compute(numbered(parts), inputs);
    const size = clip ?? (shape.slice(2) as [number, number]);
    const found = proposals(levelOutputs(config, readLevels(first, maps.length)), {
      ...config.proposals,
      kind,
      clip: size,
    });
    const second = await classify(found.boxes, { p, maps, first, config, compute });
    const objects = detections(
      found.boxes,
      { scores: floatsOf(second, "cls_score"), deltas: floatsOf(second, "bbox_pred") },
      { ...config.detections, kind, clip: size },
    );
    return new Map([
      ...first,
      ["proposals", float32(found.boxes, 4)],
      ["proposal_scores", float32(found.scores)],
      ...second,
      ["boxes", float32(objects.boxes, 4)],
      ["scores", float32(objects.scores)],
      ["labels", int64(objects.labels)],
    ]);
  };
}

/** Tensors by name and position: "fpn.0". */
function numbered(parts: Readonly<Record<string, readonly Tensor[]>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([name, list]) => list.map((value, i) => [`${name}.${i}`, value])),
  );
}

function readLevels(first: Tensors, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const [h, w] = first.get(`rpn_cls.${i}`)!.shape.slice(2) as [number, number];
    return {
      logits: floatsOf(first, `rpn_cls.${i}`),
      deltas: floatsOf(first, `rpn_reg.${i}`),
      size: [h, w] as const,
    };
  });
}

/** The second graph: `roi_features`, `cls_score` and `bbox_pred` of regions of the one image. */
function classify(
  regions: Boxes,
  { p, maps, first, config, compute }: Stage & { maps: readonly Tensor[]; first: Tensors; compute: Compute },
): Promise<Map<string, StoredTensor>> {
  const n = regions.length / 4;
  const fed = maps.slice(0, config.roi.strides.length).map(({ shape }, i) => input(`fpn.${i}`, shape));
  const rows = batchDim("regions");
  const { features, scores, deltas } = secondStage(
    p,
    fed,
    {
      boxes: input("boxes", [rows, 4]),
      levels: input("levels", [rows], "int64"),
      images: input("images", [rows], "int64"),
    },
    config,
  );
  return compute(
    { roi_features: features, cls_score: scores, bbox_pred: deltas },
    new Map([
      ...first,
      ["boxes", float32(regions, 4)],
      ["levels", int64(roiLevels(regions, config.roi.strides.length))],
      ["images", int64(new Int32Array(n))],
    ]),
  );
}

interface Stage {
  p: FasterRcnnParams;
  config: FasterRcnnConfig;
}

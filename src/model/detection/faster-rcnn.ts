import { add } from "../../graph/ops/add.ts";
import { equal } from "../../graph/ops/equal.ts";
import { mul } from "../../graph/ops/mul.ts";
import { reshape } from "../../graph/ops/reshape.ts";
import { roiAlign } from "../../graph/ops/roi-align.ts";
import { indices, scope, type Tensor } from "../../graph/tensor.ts";
import { toImage } from "../patch-embed.ts";
import { initSwin, type SwinConfig, type SwinParams, swin } from "../swin-v2.ts";
import type { EncoderTraining } from "../training.ts";
import { type AnchorConfig, anchorGrid, baseAnchors } from "./anchors.ts";
import { type BoxHeadParams, boxHead, initBoxHead } from "./box-head.ts";
import { type BoxScales, boxKind } from "./box-kind.ts";
import type { DetectionOptions } from "./detections.ts";
import { type FpnConfig, type FpnParams, fpn, initFpn } from "./fpn.ts";
import type { LevelOutput, ProposalOptions } from "./proposals.ts";
import { initRpn, type RpnParams, rpn } from "./rpn.ts";

/** Faster R-CNN with a feature pyramid on a Swin encoder (specification §6; official class `FasterRCNN`). */
export interface FasterRcnnConfig {
  backbone: SwinConfig;
  neck: FpnConfig;
  /** Channels between the proposal network's two layers. */
  rpnChannels: number;
  anchors: AnchorConfig;
  roi: {
    /** Bins of each axis of a region. */
    size: number;
    /** Samples of each axis of a bin; 0: one a cell. */
    samples: number;
    /** Pixels of a cell on the levels that regions are taken from, the finest first. */
    strides: readonly number[];
  };
  head: { width: number; classes: number; classAgnostic: boolean };
  boxes: BoxScales;
  proposals: ProposalOptions;
  detections: DetectionOptions;
}

export function initFasterRcnn(c: FasterRcnnConfig) {
  const { dims, anchorDims } = boxKind(c.boxes);
  const { channels } = c.neck;
  return {
    backbone: initSwin(c.backbone),
    neck: initFpn(c.neck),
    rpn_head: initRpn({
      ...{ inputs: channels, channels: c.rpnChannels, anchors: anchorsPerCell(c.anchors), boxDims: anchorDims },
    }),
    roi_head: { bbox_head: initBoxHead({ inputs: channels, size: c.roi.size, boxDims: dims, ...c.head }) },
  };
}

/** What {@link initFasterRcnn} describes, bound. */
export interface FasterRcnnParams {
  backbone: SwinParams;
  neck: FpnParams;
  rpn_head: RpnParams;
  roi_head: { bbox_head: BoxHeadParams };
}

function anchorsPerCell({ scales, ratios }: AnchorConfig): number {
  return scales.length * ratios.length;
}

/** The pyramid, and what the proposal network says of each level. */
export interface FirstStage {
  maps: Tensor[];
  logits: Tensor[];
  deltas: Tensor[];
}

/** image: [batch, bands, H, W], normalised and padded. */
export function firstStage(
  p: FasterRcnnParams,
  image: Tensor,
  c: FasterRcnnConfig,
  training?: EncoderTraining,
): FirstStage {
  const options = training === undefined ? {} : { training };
  const encoded = scope("backbone", () => swin(p.backbone, image, c.backbone, options));
  const features = [...encoded.values()].map(toImage);
  const maps = scope("neck", () => fpn(p.neck, features, c.neck));
  const heads = maps.map((map, i) => scope(`rpn_head.${i}`, () => rpn(p.rpn_head, map)));
  return { maps, logits: heads.map(({ logits }) => logits), deltas: heads.map(({ deltas }) => deltas) };
}

/** Anchors of each level for maps [rows, columns]. */
export function anchorsOf({ anchors }: FasterRcnnConfig, sizes: readonly (readonly [number, number])[]) {
  return sizes.map(([rows, columns], i) => {
    const stride = anchors.strides[i]!;
    return anchorGrid(baseAnchors({ ...anchors, stride }), { stride, rows, columns });
  });
}

/** Outputs of {@link firstStage} for one image of the batch, as the proposals are made from. */
export function levelOutputs(
  c: FasterRcnnConfig,
  levels: readonly { logits: Float32Array; deltas: Float32Array; size: readonly [number, number] }[],
): LevelOutput[] {
  const anchors = anchorsOf(
    c,
    levels.map(({ size }) => size),
  );
  return levels.map(({ logits, deltas, size: [rows, columns] }, i) => ({
    ...{ logits, deltas, cells: rows * columns, anchors: anchors[i]! },
  }));
}

/** Regions of interest as tensors. */
export interface Regions {
  /** [n, 4] pixels. */
  boxes: Tensor;
  /** int64 [n]: level of the pyramid, by `roiLevels`. */
  levels: Tensor;
  /** int64 [n]: whose image. */
  images: Tensor;
}

/**
 * Features of regions, each from its own level.
 *
 * A box that is on another level shrinks to nothing, which has no samples and so costs nothing.
 */
export function regionFeatures(
  maps: readonly Tensor[],
  { boxes, levels, images }: Regions,
  { size, samples, strides }: FasterRcnnConfig["roi"],
): Tensor {
  const n = boxes.shape[0]!;
  return strides
    .map((stride, i) => {
      const here = equal(levels, indices([i], []));
      const rois = mul(boxes, reshape(here, [n, 1]));
      const options = { size, samples, scale: 1 / stride };
      return mul(roiAlign(maps[i]!, { rois, image: images }, options), reshape(here, [n, 1, 1, 1]));
    })
    .reduce(add);
}

/** Features, class logits and deltas of regions: see {@link boxHead}. */
export function secondStage(p: FasterRcnnParams, maps: readonly Tensor[], regions: Regions, c: FasterRcnnConfig) {
  return scope("roi_head", () => {
    const features = regionFeatures(maps, regions, c.roi);
    return { features, ...boxHead(p.roi_head.bbox_head, features) };
  });
}

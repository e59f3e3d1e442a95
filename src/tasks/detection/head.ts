import type { BoxScales } from "../../model/detection/box-kind.ts";
import { type FasterRcnnConfig, type FasterRcnnParams, initFasterRcnn } from "../../model/detection/faster-rcnn.ts";
import { bindAdapted, type LoraOptions, withAdapters } from "../../model/lora.ts";
import type { ParameterTree } from "../../model/parameters.ts";
import type { SkySenseConfig } from "../../model/skysense.ts";
import type { SwinConfig } from "../../model/swin-v2.ts";

/** What a detector is: Faster R-CNN on the HR encoder of a model (specification §6). */
export interface DetectorConfig {
  model: SkySenseConfig;
  /** Side of the crops that it learnt from, in pixels. */
  size: number;
  classes: readonly string[];
  /** Boxes have an angle: Oriented R-CNN (§6.3) instead of Faster R-CNN. */
  oriented: boolean;
  /** Channels of the pyramid (officially 256) and width of the box head (1024). */
  head: { channels: number; width: number };
  /** Side of the square anchors in cells of each level (officially 8: 32 pixels and more); 4 for smaller objects. */
  anchorScale: number;
  adapters?: LoraOptions | undefined;
}

const strides = [1, 2, 4, 8, 16];

const unscaled = { means: [0, 0, 0, 0], stds: [1, 1, 1, 1] };
const horizontalScales: BoxScales = {
  oriented: false,
  anchors: unscaled,
  regions: { ...unscaled, stds: [0.1, 0.1, 0.2, 0.2] },
};
const orientedScales: BoxScales = {
  oriented: true,
  anchors: { means: [0, 0, 0, 0, 0, 0], stds: [1, 1, 1, 1, 0.5, 0.5] },
  regions: { means: [0, 0, 0, 0, 0], stds: [0.1, 0.1, 0.2, 0.2, 0.1] },
};

/** The detector's settings in the model's own words; what is not in the configuration is as the official one. */
export function fasterRcnnOf({ model, classes, oriented, head, anchorScale }: DetectorConfig): FasterRcnnConfig {
  const hr: SwinConfig = model.hr!;
  return {
    backbone: { ...hr, outputs: [0, 1, 2, 3] },
    neck: { levels: [0, 1, 2, 3].map((i) => hr.width * 2 ** i), channels: head.channels, outputs: strides.length },
    rpnChannels: head.channels,
    anchors: { strides: strides.map((step) => hr.patch * step), scales: [anchorScale], ratios: [0.5, 1, 2] },
    roi: { size: 7, samples: 0, strides: strides.slice(0, 4).map((step) => hr.patch * step) },
    // Oriented R-CNN moves one box a region, whatever its class.
    head: { width: head.width, classes: classes.length, classAgnostic: oriented },
    boxes: oriented ? orientedScales : horizontalScales,
    proposals: { perLevel: 1000, keep: 1000, iou: oriented ? 0.8 : 0.7, minSide: 0 },
    detections: { minScore: 0.05, iou: oriented ? 0.1 : 0.5, keep: oriented ? 2000 : 100 },
  };
}

/** The encoder under its official names in `backbone_hr`, `neck`, `rpn_head` and `roi_head.bbox_head`. */
export function initDetector(c: DetectorConfig): ParameterTree {
  const { backbone, ...heads } = initFasterRcnn(fasterRcnnOf(c));
  return { backbone_hr: withAdapters(backbone as ParameterTree, c.adapters), ...heads } as ParameterTree;
}

/** The graph's parameters, adapters folded in. */
export function bindDetector(c: DetectorConfig): FasterRcnnParams {
  const { backbone_hr: backbone, ...heads } = bindAdapted(initDetector(c), c.adapters) as Record<string, unknown>;
  return { backbone, ...heads } as unknown as FasterRcnnParams;
}

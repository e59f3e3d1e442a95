import { z } from "zod";
import type { FasterRcnnConfig } from "../model/detection/faster-rcnn.ts";
import type { FpnConfig } from "../model/detection/fpn.ts";
import { bad, parse, rate, size, swinConfig } from "./official-config.ts";

/** Keyword arguments of mmdet's detector and its parts, read as those of the encoders in official-config.ts. */

const named = { type: z.string().optional(), init_cfg: z.unknown().optional() };

const fpnArguments = z.strictObject({
  ...named,
  in_channels: z.array(size).min(1),
  out_channels: size,
  num_outs: size,
  start_level: z.literal(0).optional(),
  end_level: z.literal(-1).optional(),
  add_extra_convs: z.literal(false).optional(),
  upsample_cfg: z.strictObject({ mode: z.literal("nearest") }).optional(),
});

/** Arguments of the official `FPN`. @throws SkySenseError `BAD_CONFIG` */
export function fpnConfig(kwargs: unknown): FpnConfig {
  const c = parse("FPN", fpnArguments, kwargs);
  if (c.num_outs < c.in_channels.length) {
    throw bad("FPN", `num_outs is ${c.num_outs}, fewer than the ${c.in_channels.length} maps of in_channels`);
  }
  return { levels: c.in_channels, channels: c.out_channels, outputs: c.num_outs };
}

const four = z.array(z.number()).length(4);
const coder = z.strictObject({
  ...named,
  target_means: four.default([0, 0, 0, 0]),
  target_stds: four.default([1, 1, 1, 1]),
  clip_border: z.literal(true).optional(),
});
const suppression = z.strictObject({ type: z.literal("nms").optional(), iou_threshold: rate });
const loss = { loss_cls: z.unknown().optional(), loss_bbox: z.unknown().optional() };

const rpnHead = z.strictObject({
  ...named,
  ...loss,
  in_channels: size,
  feat_channels: size.default(256),
  anchor_generator: z.strictObject({
    ...named,
    scales: z.array(z.number().positive()).min(1),
    ratios: z.array(z.number().positive()).min(1),
    strides: z.array(size).min(1),
  }),
  bbox_coder: coder.default({ target_means: [0, 0, 0, 0], target_stds: [1, 1, 1, 1] }),
});

const roiHead = z.strictObject({
  ...named,
  bbox_roi_extractor: z.strictObject({
    ...named,
    roi_layer: z.strictObject({
      ...named,
      output_size: size,
      sampling_ratio: z.int().min(0).default(0),
      aligned: z.literal(true).optional(),
    }),
    out_channels: size,
    featmap_strides: z.array(size).min(1),
    finest_scale: z.literal(56).optional(),
  }),
  bbox_head: z.strictObject({
    ...named,
    ...loss,
    in_channels: size,
    fc_out_channels: size.default(1024),
    roi_feat_size: size.default(7),
    num_classes: size,
    bbox_coder: coder.default({ target_means: [0, 0, 0, 0], target_stds: [0.1, 0.1, 0.2, 0.2] }),
    reg_class_agnostic: z.boolean().default(false),
  }),
});

const testSettings = z.strictObject({
  rpn: z
    .strictObject({
      nms_pre: size.default(1000),
      max_per_img: size.default(1000),
      nms: suppression.default({ iou_threshold: 0.7 }),
      min_bbox_size: z.number().default(0),
    })
    .prefault({}),
  rcnn: z
    .strictObject({
      score_thr: z.number().default(0.05),
      nms: suppression.default({ iou_threshold: 0.5 }),
      max_per_img: size.default(100),
    })
    .prefault({}),
});

const fasterRcnnArguments = z.strictObject({
  ...named,
  backbone: z.unknown(),
  neck: z.unknown(),
  rpn_head: rpnHead,
  roi_head: roiHead,
  train_cfg: z.unknown().optional(),
  test_cfg: testSettings.prefault({}),
});

/** Arguments of the official `FasterRCNN` on a Swin encoder, each part's own. @throws SkySenseError `BAD_CONFIG` */
export function fasterRcnnConfig(kwargs: unknown): FasterRcnnConfig {
  const c = parse("FasterRCNN", fasterRcnnArguments, kwargs);
  const backbone = swinConfig(c.backbone);
  const neck = fpnConfig(c.neck);
  const { bbox_head: head, bbox_roi_extractor: extractor } = c.roi_head;
  const { anchor_generator: anchors } = c.rpn_head;
  const fail = (what: string) => bad("FasterRCNN", what);
  for (const [name, channels] of Object.entries({
    "rpn_head.in_channels": c.rpn_head.in_channels,
    "bbox_roi_extractor.out_channels": extractor.out_channels,
    "bbox_head.in_channels": head.in_channels,
  })) {
    if (channels !== neck.channels) throw fail(`${name} is ${channels}, the neck has ${neck.channels} channels`);
  }
  if (anchors.strides.length !== neck.outputs) {
    throw fail(`anchor_generator has ${anchors.strides.length} strides for ${neck.outputs} maps`);
  }
  if (backbone.outputs.length !== neck.levels.length) {
    throw fail(`the neck takes ${neck.levels.length} maps, the backbone has ${backbone.outputs.length}`);
  }
  if (extractor.featmap_strides.length > neck.outputs) {
    throw fail(`featmap_strides has ${extractor.featmap_strides.length} entries for ${neck.outputs} maps`);
  }
  if (head.roi_feat_size !== extractor.roi_layer.output_size) {
    throw fail(`roi_feat_size is ${head.roi_feat_size}, output_size ${extractor.roi_layer.output_size}`);
  }
  const { rpn, rcnn } = c.test_cfg;
  return {
    backbone,
    neck,
    rpnChannels: c.rpn_head.feat_channels,
    anchors: { scales: anchors.scales, ratios: anchors.ratios, strides: anchors.strides },
    roi: {
      size: extractor.roi_layer.output_size,
      samples: extractor.roi_layer.sampling_ratio,
      strides: extractor.featmap_strides,
    },
    head: { width: head.fc_out_channels, classes: head.num_classes, classAgnostic: head.reg_class_agnostic },
    boxes: { oriented: false, anchors: scaleOf(c.rpn_head.bbox_coder), regions: scaleOf(head.bbox_coder) },
    proposals: {
      perLevel: rpn.nms_pre,
      keep: rpn.max_per_img,
      iou: rpn.nms.iou_threshold,
      minSide: rpn.min_bbox_size,
    },
    detections: {
      minScore: rcnn.score_thr,
      iou: rcnn.nms.iou_threshold,
      keep: rcnn.max_per_img,
    },
  };
}

function scaleOf({ target_means: means, target_stds: stds }: z.infer<typeof coder>) {
  return { means, stds };
}

import { type SensorName, sensorNames } from "../../core/place.ts";
import { pixelsPerCell } from "../../embed/prepare.ts";
import { hasDateCode } from "../../embed/sessions.ts";
import { gather } from "../../graph/ops/gather.ts";
import { mul } from "../../graph/ops/mul.ts";
import { sum } from "../../graph/ops/reduce.ts";
import { reshape } from "../../graph/ops/reshape.ts";
import { resizeImage } from "../../graph/ops/resize.ts";
import { transpose } from "../../graph/ops/transpose.ts";
import { batchDim } from "../../graph/shape.ts";
import { input, scope, type Tensor } from "../../graph/tensor.ts";
import { initLinear, type LinearParams, linear } from "../../model/linear.ts";
import { bindAdapted, type LoraOptions, withAdapters } from "../../model/lora.ts";
import { bindParameters, type ParameterTree } from "../../model/parameters.ts";
import { toImage } from "../../model/patch-embed.ts";
import {
  type HeadTraining,
  initUperHead,
  type UperHeadConfig,
  type UperHeadParams,
  uperHead,
} from "../../model/segmentation-head.ts";
import {
  encodeHr,
  encodeSentinel,
  fuse,
  initSkySense,
  type SensorFeatures,
  type SkySenseConfig,
  type SkySenseParams,
} from "../../model/skysense.ts";
import type { EncoderTraining } from "../../model/training.ts";
import type { FeedShapes } from "../../train/compiled-graphs.node.ts";
import type { MapClass } from "../maps/classes.ts";

/** What is said of a place: a class for every cell, one class for all of it, or any number of classes for all of it. */
export const answers = ["map", "class", "classes"] as const;
export type Answer = (typeof answers)[number];

/**
 * What a model of dated places is: the encoders of some sensors, the fusion of all their dates, and a head on the fused
 * feature of each cell (the paper's figure of how modules are combined, cases b and c).
 */
export interface SeriesConfig {
  /** With these sensors alone, and without geo-context. */
  model: SkySenseConfig;
  sensors: readonly SensorName[];
  /** Images of a sensor that are looked at together, at most. */
  dates: number;
  /** Side of what it learnt from, in cells. */
  size: number;
  answer: Answer;
  classes: readonly MapClass[];
  /** Of a head that draws maps: channels of its convolutions. */
  channels: number;
  adapters?: LoraOptions | undefined;
}

/** The part of a model that some sensors need. */
export function onlySensors(model: SkySenseConfig, sensors: readonly SensorName[]): SkySenseConfig {
  const part: SkySenseConfig = { ...model, geoContext: undefined };
  for (const sensor of sensorNames) if (!sensors.includes(sensor)) part[sensor] = undefined;
  return part;
}

/** How the names of what was pre-trained begin. */
export const pretrained = ["backbone_", "head_s", "fusion.", "ctpe"];

/** Encoders, up-heads, calendar and fusion under their official names; `decode_head` or `head.fc`. */
export function initSeries(c: SeriesConfig): ParameterTree {
  const model = withAdapters(initSkySense(c.model) as ParameterTree, c.adapters);
  return { ...(model as Record<string, ParameterTree>), ...initHead(c) };
}

function initHead(c: SeriesConfig): Record<string, ParameterTree> {
  if (c.answer === "map") return { decode_head: initUperHead(headOf(c)) as ParameterTree };
  const weight = { kind: "normal", std: 0.01 } as const;
  const bias = { kind: "constant", value: 0 } as const;
  return { head: { fc: initLinear(c.model.fusion.width, c.classes.length, { weight, bias }) } };
}

/** UPerNet on a single map: it sees a cell's neighbours and the mean over parts of the place. */
function headOf({ model, classes, channels }: SeriesConfig): UperHeadConfig {
  const levels = [model.fusion.width];
  return { channels, levels, classes: classes.length, poolScales: [1, 2, 3, 6], alignCorners: false, dropout: 0.1 };
}

/** What only training does. */
export interface SeriesTraining {
  /** Of the fusion, of which each cell is a sample. */
  fusion: EncoderTraining;
  head: HeadTraining;
}

type HeadParams = { decode_head?: UperHeadParams; head?: { fc: LinearParams } };

/**
 * Scores of places from feeds of these shapes (see `seriesFeeds`): [batch, classes, h, w] of maps, else
 * [batch, classes].
 */
export function seriesScores(c: SeriesConfig, shapes: FeedShapes, training?: SeriesTraining): Tensor {
  const p = bindAdapted(initSeries(c), c.adapters) as unknown as SkySenseParams & HeadParams;
  const features: SensorFeatures = {};
  const days: SensorFeatures = {};
  let grid: readonly [height: number, width: number] = [1, 1];
  for (const sensor of c.sensors) {
    const [, bands, height, width] = shapes[`${sensor}.image`] as [number, number, number, number];
    const [, dates] = shapes[`${sensor}.slot`] as [number, number];
    const side = pixelsPerCell(c.model, sensor);
    grid = [height / side, width / side];
    const image = input(`${sensor}.image`, [batchDim(sensor), bands, height, width]);
    const slot = input(`${sensor}.slot`, [batchDim(), dates], "int64");
    const present = input(`${sensor}.present`, [batchDim(), dates]);
    // Only images that are there are encoded; the others' places are zero, and masked.
    const filled = gather(encode(p, sensor, image, c.model), slot);
    features[sensor] = mul(filled, reshape(present, [batchDim(), dates, 1, 1]));
    if (hasDateCode(c.model, sensor)) days[sensor] = input(`${sensor}.day`, [batchDim(), dates], "int64");
  }
  const [cells, tokens] = shapes.mask!.slice(1) as [number, number];
  const mask = input("mask", [batchDim(), cells, tokens]);
  const fused = fuse(p, features, c.model, { days, mask, ...(training && { training: training.fusion }) });
  // Cells without any image are zero in maps; in means each valid cell counts alike.
  const weighted = mul(fused, reshape(input("weight", [batchDim(), cells]), [batchDim(), cells, 1]));
  if (c.answer === "map") return drawMap(p, toImage({ x: weighted, grid }), c, training?.head);
  return linear(p.head!.fc, sum(weighted, { axes: [1] }));
}

function encode(p: SkySenseParams, sensor: SensorName, image: Tensor, model: SkySenseConfig): Tensor {
  if (sensor === "hr") return encodeHr(p.backbone_hr!, image, model.hr!).x;
  const parameters = { backbone: p[`backbone_${sensor}`]!, head: p[`head_${sensor}`]! };
  return scope(`backbone_${sensor}`, () => encodeSentinel(parameters, image, model[sensor]!).feature.x);
}

function drawMap(p: HeadParams, x: Tensor, c: SeriesConfig, training?: HeadTraining): Tensor {
  return scope("decode_head", () => uperHead(p.decode_head!, [x], headOf(c), training));
}

/** "fused" [batch, width, h, w] → "logits" [batch, h, w, classes], as they are blended. */
export function mapGraph(c: SeriesConfig, [height, width]: readonly [number, number]): Tensor {
  const p = bindParameters(initHead(c)) as unknown as HeadParams;
  const fused = input("fused", [batchDim(), c.model.fusion.width, height, width]);
  const logits = resizeImage(drawMap(p, fused, c), [height, width], { mode: "bilinear" });
  return transpose(logits, [0, 2, 3, 1]);
}

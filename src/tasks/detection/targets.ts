import type { Random } from "../../core/random.ts";
import { roiAlignMatrix } from "../../graph/ops/roi-align.ts";
import { assignBoxes } from "../../model/detection/assign.ts";
import { type Boxes, takeRows } from "../../model/detection/boxes.ts";
import { type DeltaScale, encodeDeltas } from "../../model/detection/delta-coder.ts";
import { roiLevels } from "../../model/detection/roi-levels.ts";
import { sampleBoxes } from "../../model/detection/sample.ts";
import type { HostTensor } from "../../runtime/session.ts";
import type { Objects } from "./crop-boxes.ts";

type Feeds = Record<string, HostTensor>;

/** What the proposal network is to say (specification §6.2): 256 anchors an image, at most half of them on objects. */
const rpnRules = { positive: 0.7, negative: 0.3, best: 0.3, count: 256, positiveShare: 0.5 };
/** What the head is to say: at most a quarter of the regions on objects. */
const headRules = { positive: 0.5, negative: 0.5, positiveShare: 0.25 };

/**
 * Targets of the proposal network for a batch.
 *
 * @param anchors  Of all levels one after the other, [n, 4].
 * @returns `rpn.labels` and `rpn.weights` [batch, n], `rpn.targets` [batch, n, 4] and `rpn.boxWeights` [batch, n, 1];
 *   weights are 1 / the batch's number of samples.
 */
export function rpnTargets(
  anchors: Boxes,
  images: readonly Objects[],
  { coder, random }: { coder: DeltaScale; random: Random },
): Feeds {
  const n = anchors.length / 4;
  const [labels, weights] = [new Float32Array(images.length * n), new Float32Array(images.length * n)];
  const [targets, boxWeights] = [new Float32Array(images.length * n * 4), new Float32Array(images.length * n)];
  let samples = 0;
  for (const [b, { boxes }] of images.entries()) {
    const { objects } = assignBoxes(anchors, boxes, rpnRules);
    const { positives, negatives } = sampleBoxes(objects, { ...rpnRules, random });
    samples += positives.length + negatives.length;
    for (const i of negatives) weights[b * n + i] = 1;
    const wanted = Array.from(positives, (i) => objects[i]! - 1);
    const deltas = encodeDeltas(takeRows(anchors, positives, 4), takeRows(boxes, wanted, 4), coder);
    for (const [k, i] of positives.entries()) {
      const at = b * n + i;
      labels[at] = weights[at] = boxWeights[at] = 1;
      targets.set(deltas.subarray(4 * k, 4 * k + 4), 4 * at);
    }
  }
  for (const list of [weights, boxWeights]) for (let i = 0; i < list.length; i++) list[i]! /= Math.max(samples, 1);
  return {
    "rpn.labels": { data: labels, shape: [images.length, n] },
    "rpn.weights": { data: weights, shape: [images.length, n] },
    "rpn.targets": { data: targets, shape: [images.length, n, 4] },
    "rpn.boxWeights": { data: boxWeights, shape: [images.length, n, 1] },
  };
}

/** Maps that regions are taken from: pixels of a cell and size in cells, the finest first. */
export type RoiMaps = readonly { stride: number; rows: number; columns: number }[];

/** Regions that one step of the head learns from. */
interface Region {
  box: readonly number[];
  label: number;
  target: Float32Array | undefined;
}

/**
 * Regions that the head learns from, and what it is to say of them. The objects themselves are among the candidates.
 *
 * @param candidates  Proposals of each image, [n, 4].
 * @param options.count  Regions of every image; where there are fewer, the rest counts for nothing.
 * @returns `roi.rows.<level>` and `roi.columns.<level>` for `roiAlignBy`; `roi.labels` int64 [batch·count], −1 where
 *   nothing is; `roi.targets` and `roi.boxWeights` [batch·count, 4 and 1], weighed by 1 / the number of samples.
 */
export function roiTargets(
  candidates: readonly Boxes[],
  images: readonly Objects[],
  options: { classes: number; count: number; size: number; maps: RoiMaps; coder: DeltaScale; random: Random },
): Feeds {
  const { count } = options;
  const total = images.length * count;
  const labels = new BigInt64Array(total).fill(-1n);
  const [targets, boxWeights] = [new Float32Array(total * 4), new Float32Array(total)];
  const regions = images.map((objects, b) => drawRegions(candidates[b]!, objects, options));
  const samples = regions.reduce((sum, list) => sum + list.length, 0);
  for (const [b, list] of regions.entries()) {
    for (const [k, { label, target }] of list.entries()) {
      labels[b * count + k] = BigInt(label);
      if (target === undefined) continue;
      targets.set(target, 4 * (b * count + k));
      boxWeights[b * count + k] = 1 / samples;
    }
  }
  return {
    "roi.labels": { data: labels, shape: [total] },
    "roi.targets": { data: targets, shape: [total, 4] },
    "roi.boxWeights": { data: boxWeights, shape: [total, 1] },
    ...poolingWeights(regions, options),
  };
}

function drawRegions(
  candidates: Boxes,
  { boxes, labels }: Objects,
  { classes, count, coder, random }: { classes: number; count: number; coder: DeltaScale; random: Random },
): Region[] {
  const all = new Float32Array([...boxes, ...candidates]);
  const { objects } = assignBoxes(all, boxes, headRules);
  const { positives, negatives } = sampleBoxes(objects, { ...headRules, count, random });
  const wanted = Array.from(positives, (i) => objects[i]! - 1);
  const deltas = encodeDeltas(takeRows(all, positives, 4), takeRows(boxes, wanted, 4), coder);
  const boxOf = (i: number) => [...all.subarray(4 * i, 4 * i + 4)];
  return [
    ...Array.from(positives, (i, k) => ({
      box: boxOf(i),
      label: labels[wanted[k]!]!,
      target: deltas.subarray(4 * k, 4 * k + 4),
    })),
    ...Array.from(negatives, (i) => ({ box: boxOf(i), label: classes, target: undefined })),
  ];
}

/** Every region's weights on the map of its own level; zeros on the others. */
function poolingWeights(
  regions: readonly (readonly Region[])[],
  { count, size, maps }: { count: number; size: number; maps: RoiMaps },
): Feeds {
  const feeds: Feeds = {};
  const levels = regions.map((list) => roiLevels(Float32Array.from(list.flatMap(({ box }) => box)), maps.length));
  for (const [level, { stride, rows, columns }] of maps.entries()) {
    for (const [name, extent, axis] of [
      ["rows", rows, 1],
      ["columns", columns, 0],
    ] as const) {
      const data = new Float32Array(regions.length * count * size * extent);
      for (const [b, list] of regions.entries()) {
        for (const [k, { box }] of list.entries()) {
          if (levels[b]![k] !== level) continue;
          const range = [box[axis]!, box[axis + 2]!] as const;
          const weights = roiAlignMatrix(range, { extent, size, scale: 1 / stride });
          data.set(weights, (b * count + k) * size * extent);
        }
      }
      feeds[`roi.${name}.${level}`] = { data, shape: [regions.length, count, size, extent] };
    }
  }
  return feeds;
}

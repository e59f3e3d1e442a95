import type { Random } from "../../core/random.ts";
import { roiAlignMatrix } from "../../graph/ops/roi-align.ts";
import { assignOverlaps } from "../../model/detection/assign.ts";
import { type BoxKind, regionLevels } from "../../model/detection/box-kind.ts";
import { type Boxes, boxIou, takeRows } from "../../model/detection/boxes.ts";
import { type PyramidSizes, rotatedTaps, tapsPerBin } from "../../model/detection/rotated/rotated-taps.ts";
import { sampleBoxes } from "../../model/detection/sample.ts";
import type { HostTensor } from "../../runtime/session.ts";
import type { Objects } from "./crop-boxes.ts";

type Feeds = Record<string, HostTensor>;
type Numbers = Float32Array<ArrayBuffer>;

/** What the proposal network is to say (specification §6.2): 256 anchors an image, at most half of them on objects. */
const rpnRules = { positive: 0.7, negative: 0.3, best: 0.3, count: 256, positiveShare: 0.5 };
/** What the head is to say: at most a quarter of the regions on objects. */
const headRules = { positive: 0.5, negative: 0.5, positiveShare: 0.25 };

/**
 * Targets of the proposal network for a batch. Anchors stand for the objects that they overlap, or the horizontal boxes
 * around oriented ones.
 *
 * @param anchors  Of all levels one after the other, [n, 4].
 * @param options.random  Of each image.
 * @returns `rpn.labels` and `rpn.weights` [batch, n], `rpn.targets` [batch, n, anchorDims] and `rpn.boxWeights`
 *   [batch, n, 1]; weights are 1 where something counts. `rpn.samples` is how many anchors do.
 */
export function rpnTargets(
  anchors: Boxes,
  images: readonly Objects[],
  { kind, random }: { kind: BoxKind; random: readonly Random[] },
): Feeds {
  const [n, width] = [anchors.length / 4, kind.anchorDims];
  const [labels, weights] = [new Float32Array(images.length * n), new Float32Array(images.length * n)];
  const [targets, boxWeights] = [new Float32Array(images.length * n * width), new Float32Array(images.length * n)];
  let samples = 0;
  for (const [b, { boxes }] of images.entries()) {
    const { objects } = assignOverlaps(boxIou(kind.around(boxes), anchors), n, rpnRules);
    const { positives, negatives } = sampleBoxes(objects, { ...rpnRules, random: random[b]! });
    samples += positives.length + negatives.length;
    for (const i of negatives) weights[b * n + i] = 1;
    const wanted = Array.from(positives, (i) => objects[i]! - 1);
    const moves = kind.anchorMoves(takeRows(anchors, positives, 4), takeRows(boxes, wanted, kind.dims));
    for (const [k, i] of positives.entries()) {
      const at = b * n + i;
      labels[at] = weights[at] = boxWeights[at] = 1;
      targets.set(moves.subarray(width * k, width * (k + 1)), width * at);
    }
  }
  return {
    "rpn.labels": { data: labels, shape: [images.length, n] },
    "rpn.weights": { data: weights, shape: [images.length, n] },
    "rpn.targets": { data: targets, shape: [images.length, n, width] },
    "rpn.boxWeights": { data: boxWeights, shape: [images.length, n, 1] },
    "rpn.samples": { data: Float32Array.of(samples), shape: [] },
  };
}

/** Regions that one step of the head learns from. */
interface Region {
  box: readonly number[];
  label: number;
  target: Float32Array | undefined;
}

interface RoiOptions {
  kind: BoxKind;
  classes: number;
  /** Regions of every image; where there are fewer, the rest counts for nothing. */
  count: number;
  /** Bins of each axis. */
  size: number;
  /** That regions are taken from. */
  maps: PyramidSizes;
  /** Of each image. */
  random: readonly Random[];
}

/**
 * Regions that the head learns from, and what it is to say of them. The objects themselves are among the candidates.
 *
 * @param candidates  Proposals of each image, [n, dims].
 * @returns `roi.labels` int64 [batch·count], −1 where nothing is; `roi.targets` and `roi.boxWeights` [batch·count, dims
 *   and 1], which are 1 for objects; `roi.samples`, how many regions count; for horizontal boxes `roi.rows.<level>` and `roi.columns.<level>` for
 *   `roiAlignBy`, for oriented ones `roi.cells` and `roi.weights` for `poolTaps`.
 */
export function roiTargets(candidates: readonly Numbers[], images: readonly Objects[], options: RoiOptions): Feeds {
  const { count, kind } = options;
  const total = images.length * count;
  const labels = new BigInt64Array(total).fill(-1n);
  const [targets, boxWeights] = [new Float32Array(total * kind.dims), new Float32Array(total)];
  const regions = images.map((objects, b) =>
    drawRegions(candidates[b]!, objects, { ...options, random: options.random[b]! }),
  );
  const samples = regions.reduce((sum, list) => sum + list.length, 0);
  for (const [b, list] of regions.entries()) {
    for (const [k, { label, target }] of list.entries()) {
      labels[b * count + k] = BigInt(label);
      if (target === undefined) continue;
      targets.set(target, kind.dims * (b * count + k));
      boxWeights[b * count + k] = 1;
    }
  }
  return {
    "roi.labels": { data: labels, shape: [total] },
    "roi.targets": { data: targets, shape: [total, kind.dims] },
    "roi.boxWeights": { data: boxWeights, shape: [total, 1] },
    "roi.samples": { data: Float32Array.of(samples), shape: [] },
    ...(kind.dims === 5 ? pooledCells(regions, options) : poolingWeights(regions, options)),
  };
}

function drawRegions(
  candidates: Numbers,
  { boxes, labels }: Objects,
  options: Omit<RoiOptions, "random"> & { random: Random },
): Region[] {
  const { kind, classes, count, random } = options;
  const { dims } = kind;
  const all = new Float32Array([...boxes, ...candidates]);
  const { objects } = assignOverlaps(kind.overlaps(boxes, all), all.length / dims, headRules);
  const { positives, negatives } = sampleBoxes(objects, { ...headRules, count, random });
  const wanted = Array.from(positives, (i) => objects[i]! - 1);
  const moves = kind.regionMoves(takeRows(all, positives, dims), takeRows(boxes, wanted, dims));
  const boxOf = (i: number) => [...all.subarray(dims * i, dims * (i + 1))];
  return [
    ...Array.from(positives, (i, k) => ({
      box: boxOf(i),
      label: labels[wanted[k]!]!,
      target: moves.subarray(dims * k, dims * (k + 1)),
    })),
    ...Array.from(negatives, (i) => ({ box: boxOf(i), label: classes, target: undefined })),
  ];
}

function boxesOf(regions: readonly Region[]): Numbers {
  return Float32Array.from(regions.flatMap(({ box }) => box));
}

/** Every horizontal region's weights on the map of its own level; zeros on the others. */
function poolingWeights(regions: readonly (readonly Region[])[], { kind, count, size, maps }: RoiOptions): Feeds {
  const feeds: Feeds = {};
  const levels = regions.map((list) => regionLevels(kind, boxesOf(list), maps.length));
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

/** The cells that make each oriented region's bins, among those of all images. */
function pooledCells(regions: readonly (readonly Region[])[], { kind, count, size, maps }: RoiOptions): Feeds {
  const perRegion = size * size * tapsPerBin;
  const cells = new BigInt64Array(regions.length * count * perRegion);
  const weights = new Float32Array(cells.length);
  const perImage = maps.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  for (const [b, list] of regions.entries()) {
    const boxes = boxesOf(list);
    const levels = regionLevels(kind, boxes, maps.length);
    const taps = rotatedTaps(boxes, { levels, maps, size, first: b * perImage });
    cells.set(taps.cells, b * count * perRegion);
    weights.set(taps.weights, b * count * perRegion);
  }
  const shape = [regions.length * count * size * size, tapsPerBin];
  return { "roi.cells": { data: cells, shape }, "roi.weights": { data: weights, shape } };
}

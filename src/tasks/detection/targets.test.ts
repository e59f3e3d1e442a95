import fc from "fast-check";
import { expect, test } from "vitest";
import { type NdArray, noise, relativeL2 } from "../../../test/support/arrays.ts";
import { evaluate } from "../../../test/support/evaluate.ts";
import { createRandom } from "../../core/random.ts";
import { boxKind } from "../../model/detection/box-kind.ts";
import { anchorsOf, levelOutputs } from "../../model/detection/faster-rcnn.ts";
import { proposals } from "../../model/detection/proposals.ts";
import { toHorizontal } from "../../model/detection/rotated/rotated-boxes.ts";
import { initialise } from "../../model/initialise.ts";
import { listParameters } from "../../model/parameters.ts";
import { presets } from "../../model/presets.ts";
import type { HostTensor } from "../../runtime/session.ts";
import { type Crop, cropMasks } from "../../train/data/geometry.ts";
import { cropBoxes, cropOriented } from "./crop-boxes.ts";
import { type DetectorConfig, fasterRcnnOf, initDetector } from "./head.ts";
import { lossGraph, proposalGraph } from "./loss.ts";
import { roiTargets, rpnTargets } from "./targets.ts";

const plain = { means: [0, 0, 0, 0], stds: [1, 1, 1, 1] };
const plainKind = boxKind({ oriented: false, anchors: plain, regions: plain });

const crops = fc.record({
  top: fc.nat(6),
  left: fc.nat(6),
  height: fc.constantFrom(10, 14),
  width: fc.constantFrom(10, 14),
  transpose: fc.boolean(),
  flipRows: fc.boolean(),
  flipColumns: fc.boolean(),
});

test("cropBoxes: a box lies where the pixels that it covered went", () => {
  const side = fc.integer({ min: 0, max: 19 });
  fc.assert(
    fc.property(crops, side, side, side, side, (crop: Crop, a, b, c, d) => {
      const [x1, x2] = [Math.min(a, c), Math.max(a, c) + 1];
      const [y1, y2] = [Math.min(b, d), Math.max(b, d) + 1];
      const data = new Uint8Array(400);
      for (let y = y1; y < y2; y++) data.fill(1, y * 20 + x1, y * 20 + x2);
      // So many pixels for each of the crop that borders fall on borders.
      const size = 140;
      const scaled = cropMasks({ data, count: 1, height: 20, width: 20, perUnit: 1 }, crop, { size });
      const covered = [...scaled.keys()].filter((p) => scaled[p] === 1);
      const objects = { boxes: Float32Array.of(x1, y1, x2, y2), labels: Int32Array.of(3) };
      const { boxes, labels } = cropBoxes(objects, crop, size);
      if (labels.length === 0) return;
      const columns = covered.map((p) => p % size);
      const rows = covered.map((p) => Math.floor(p / size));
      const bounds = [columns, rows].map((list) => [
        list.reduce((m, v) => Math.min(m, v), size),
        list.reduce((m, v) => Math.max(m, v), 0) + 1,
      ]);
      const expected = [bounds[0]![0]!, bounds[1]![0]!, bounds[0]![1]!, bounds[1]![1]!];
      for (const [k, v] of expected.entries()) expect(Math.abs(boxes[k]! - v)).toBeLessThan(1);
      expect([...labels]).toEqual([3]);
    }),
    { seed: 1, numRuns: 30 },
  );
});

test("cropBoxes: what is mostly outside or has become too thin is left out", () => {
  const crop = { top: 0, left: 10, height: 10, width: 10, transpose: false, flipRows: false, flipColumns: false };
  const boxes = Float32Array.of(3, 0, 12, 10, 8, 0, 18, 10, 12, 2, 12.5, 8);
  const { boxes: left, labels } = cropBoxes({ boxes, labels: Int32Array.of(0, 1, 2) }, crop, 20);
  expect([...left]).toEqual([0, 0, 16, 20]);
  expect([...labels]).toEqual([1]);
});

test("cropOriented: the box around goes where the horizontal box goes; what has its centre outside is left out", () => {
  const angle = fc.double({ min: -1.5, max: 1.5, noNaN: true });
  fc.assert(
    fc.property(crops, angle, (crop: Crop, turned) => {
      const inside = Float32Array.of(crop.left + 5, crop.top + 4.5, 6, 2, turned);
      const outside = Float32Array.of(crop.left - 1, crop.top + 4.5, 6, 2, turned);
      const boxes = new Float32Array([...inside, ...outside]);
      const square = { ...crop, width: crop.height };
      const { boxes: found, labels } = cropOriented({ boxes, labels: Int32Array.of(4, 5) }, square, 70);
      expect([...labels]).toEqual([4]);
      const around = cropBoxes({ boxes: toHorizontal(inside), labels: Int32Array.of(4) }, square, 70);
      for (const [k, v] of toHorizontal(found).entries()) expect(v).toBeCloseTo(around.boxes[k]!, 3);
    }),
    { seed: 2 },
  );
});

test("rpnTargets: one object between two anchors; each sample counts once", () => {
  const anchors = Float32Array.of(0, 0, 10, 10, 20, 0, 30, 10, 40, 0, 50, 10);
  const image = { boxes: Float32Array.of(0, 0, 10, 8), labels: Int32Array.of(1) };
  const none = { boxes: new Float32Array(0), labels: new Int32Array(0) };
  const feeds = rpnTargets(anchors, [image, none], {
    kind: plainKind,
    random: [1, 2].map((seed) => createRandom(seed)),
  });
  expect([...(feeds["rpn.labels"]!.data as Float32Array)]).toEqual([1, 0, 0, 0, 0, 0]);
  expect([...(feeds["rpn.weights"]!.data as Float32Array)]).toEqual([1, 1, 1, 1, 1, 1]);
  expect([...(feeds["rpn.boxWeights"]!.data as Float32Array)]).toEqual([1, 0, 0, 0, 0, 0]);
  expect([...(feeds["rpn.samples"]!.data as Float32Array)]).toEqual([6]);
  const targets = [...(feeds["rpn.targets"]!.data as Float32Array)];
  expect(targets.slice(0, 4)).toEqual([0, Math.fround(-0.1), 0, Math.fround(Math.log(0.8))]);
});

test("roiTargets: objects are regions themselves; places without a region count for nothing", () => {
  const image = { boxes: Float32Array.of(0, 0, 10, 10), labels: Int32Array.of(1) };
  const feeds = roiTargets([Float32Array.of(40, 40, 60, 60)], [image], {
    ...{ classes: 3, count: 8, size: 2, kind: plainKind, random: [createRandom(1)] },
    maps: [{ stride: 4, rows: 16, columns: 16 }],
  });
  expect([...(feeds["roi.labels"]!.data as BigInt64Array)]).toEqual([1n, 3n, -1n, -1n, -1n, -1n, -1n, -1n]);
  expect([...(feeds["roi.boxWeights"]!.data as Float32Array)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  expect([...(feeds["roi.samples"]!.data as Float32Array)]).toEqual([2]);
  const rows = feeds["roi.rows.0"]!;
  expect(rows.shape).toEqual([1, 8, 2, 16]);
  // Each bin's weights add up to one, and a place without a region has none.
  const sums = Array.from({ length: 16 }, (_, i) =>
    (rows.data as Float32Array).subarray(16 * i, 16 * i + 16).reduce((a, b) => a + b, 0),
  );
  expect(sums.map((v) => Math.round(v * 1e6) / 1e6)).toEqual([1, 1, 1, 1, ...Array.from({ length: 12 }, () => 0)]);
});

const config: DetectorConfig = {
  model: { ...presets.tiny },
  size: 64,
  classes: ["a", "b"],
  oriented: false,
  head: { channels: 4, width: 8 },
  anchorScale: 4,
};

/** Feeds of one training step of two images, made as training makes them. */
async function stepFeeds(regions: number): Promise<Record<string, NdArray>> {
  const detector = fasterRcnnOf(config);
  const kind = boxKind(detector.boxes);
  const weights = initialise(initDetector(config), { seed: 1 });
  const shapes = new Map(listParameters(initDetector(config)).map(([name, { shape }]) => [name, shape]));
  const parameters = Object.fromEntries(
    [...weights].map(([name, data]) => [name, { shape: shapes.get(name)!, data }]),
  );
  const images = noise([2, 3, 64, 64]);
  const outputs = await evaluate(proposalGraph(config), { ...parameters, images });
  const sizes = detector.anchors.strides.map((stride) => [64 / stride, 64 / stride] as const);
  const objects = [
    { boxes: Float32Array.of(4, 4, 24, 24, 30, 30, 50, 44), labels: Int32Array.of(0, 1) },
    { boxes: new Float32Array(0), labels: new Int32Array(0) },
  ];
  const part = (name: string, b: number) => {
    const { data } = outputs[name]!;
    return Float32Array.from(Array.from(data).slice((b * data.length) / 2, ((b + 1) * data.length) / 2));
  };
  const found = objects.map((_, b) => {
    const levels = sizes.map((size, i) => ({ logits: part(`logits.${i}`, b), deltas: part(`deltas.${i}`, b), size }));
    return proposals(levelOutputs(detector, levels), { ...detector.proposals, keep: 50, kind, clip: [64, 64] }).boxes;
  });
  const anchors = Float32Array.from(anchorsOf(detector, sizes).flatMap((boxes) => [...boxes]));
  const maps = detector.roi.strides.map((stride) => ({ stride, rows: 64 / stride, columns: 64 / stride }));
  const random = [createRandom(1), createRandom(2)];
  const targets: Record<string, HostTensor> = {
    ...rpnTargets(anchors, objects, { kind, random }),
    ...roiTargets(found, objects, {
      ...{ classes: 2, count: regions, size: 7, maps, random, kind },
    }),
  };
  const fed = Object.entries(targets).map(([name, { shape, data }]) => [
    name,
    { shape, data: Array.from(data, Number) },
  ]);
  return { ...parameters, images, ...Object.fromEntries(fed) };
}

test("lossGraph: the four losses are those of their definitions", async () => {
  const feeds = await stepFeeds(16);
  const { graph } = lossGraph(config, { dropPath: 0, regions: 16 });
  const results = {
    ...(await evaluate({ ...graph.metrics, loss: graph.loss }, feeds)),
    ...(await evaluate(proposalGraph(config), feeds)),
  };
  let [classes, boxes, at] = [0, 0, 0];
  const [labels, weights, targets, boxWeights] = ["labels", "weights", "targets", "boxWeights"].map(
    (name) => feeds[`rpn.${name}`]!.data,
  );
  const samples = feeds["rpn.samples"]!.data[0]!;
  // In the order image, level, row, column, anchor.
  for (let b = 0; b < 2; b++) {
    for (let level = 0; level < 5; level++) {
      const { data, shape } = results[`logits.${level}`]!;
      const moves = results[`deltas.${level}`]!.data;
      const cells = shape[2]! * shape[3]!;
      for (let cell = 0; cell < cells; cell++) {
        for (let anchor = 0; anchor < 3; anchor++, at++) {
          const p = 1 / (1 + Math.exp(-data[(b * 3 + anchor) * cells + cell]!));
          classes -= (weights![at]! / samples) * Math.log(labels![at] === 1 ? p : 1 - p);
          for (let k = 0; k < 4; k++) {
            const move = moves[(b * 12 + anchor * 4 + k) * cells + cell]!;
            boxes += (boxWeights![at]! / samples) * Math.abs(move - targets![4 * at + k]!);
          }
        }
      }
    }
  }
  const value = (name: string) => results[name]!.data[0]!;
  expect(value("rpnClass")).toBeCloseTo(classes, 5);
  expect(value("rpnBox")).toBeCloseTo(boxes, 5);
  // Fresh weights say the same of every region: ln 3, and moves of nearly nothing.
  expect(value("headClass")).toBeCloseTo(Math.log(3), 1);
  const [roi, roiWeights] = [feeds["roi.targets"]!.data, feeds["roi.boxWeights"]!.data];
  const still =
    Array.from(roi).reduce((sum, t, i) => sum + Math.abs(t) * roiWeights[Math.floor(i / 4)]!, 0) /
    feeds["roi.samples"]!.data[0]!;
  expect(value("headBox") / still).toBeCloseTo(1, 1);
  const total = ["rpnClass", "rpnBox", "headClass", "headBox"].reduce((sum, name) => sum + value(name), 0);
  expect(relativeL2([value("loss")], [total])).toBeLessThan(1e-6);
});

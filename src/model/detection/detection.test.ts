import fc from "fast-check";
import { expect, test } from "vitest";
import { noise, relativeL2 } from "../../../test/support/arrays.ts";
import { checkGrad } from "../../../test/support/check-grad.ts";
import { evaluate } from "../../../test/support/evaluate.ts";
import { createRandom } from "../../core/random.ts";
import { roiAlign, roiAlignBy, roiAlignMatrix } from "../../graph/ops/roi-align.ts";
import { batchDim } from "../../graph/shape.ts";
import { input } from "../../graph/tensor.ts";
import { assignBoxes } from "./assign.ts";
import { boxKind } from "./box-kind.ts";
import { boxIou } from "./boxes.ts";
import { decodeDeltas, encodeDeltas } from "./delta-coder.ts";
import { detections } from "./detections.ts";
import { fpn } from "./fpn.ts";
import { nms } from "./nms.ts";
import { proposals } from "./proposals.ts";
import { sampleBoxes } from "./sample.ts";

const rows = (...boxes: number[][]) => Float32Array.from(boxes.flat());
const plain = { means: [0, 0, 0, 0], stds: [1, 1, 1, 1] };
const kind = boxKind({ oriented: false, anchors: plain, regions: plain });

const cell = fc.integer({ min: 0, max: 9 });
const cellBox = fc
  .tuple(cell, cell, cell, cell)
  .map(([a, b, c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c) + 1, Math.max(b, d) + 1]);

/** The unit cells that a box of whole numbers covers. */
function cellsOf([x1, y1, x2, y2]: number[]): Set<string> {
  const cells = new Set<string>();
  for (let x = x1!; x < x2!; x++) for (let y = y1!; y < y2!; y++) cells.add(`${x},${y}`);
  return cells;
}

test("boxIou: agrees with counting cells", () => {
  fc.assert(
    fc.property(cellBox, cellBox, (a, b) => {
      const [p, q] = [cellsOf(a), cellsOf(b)];
      const both = [...p].filter((c) => q.has(c)).length;
      expect(boxIou(rows(a), rows(b))[0]).toBeCloseTo(both / (p.size + q.size - both), 6);
    }),
    { seed: 1 },
  );
});

test("nms: an overlap equal to the threshold does not suppress; groups stay apart; equal scores keep their order", () => {
  const pair = rows([0, 0, 4, 2], [2, 0, 6, 2]);
  const iou = boxIou(pair, pair)[1]!;
  const scores = Float32Array.of(0.5, 0.5);
  expect(nms(pair, scores, { iou })).toEqual([0, 1]);
  expect(nms(pair, scores, { iou: 0.3 })).toEqual([0]);
  expect(nms(pair, scores, { iou: 0.3, groups: [0n, 1n] })).toEqual([0, 1]);
});

test("decodeDeltas: gives back what was encoded, and cuts at the image", () => {
  fc.assert(
    fc.property(cellBox, cellBox, (a, b) => {
      const scale = { means: [0.1, 0, -0.2, 0], stds: [0.1, 0.1, 0.2, 0.2] };
      const back = decodeDeltas(rows(a), encodeDeltas(rows(a), rows(b), scale), scale);
      for (const k of b.keys()) expect(back[k]).toBeCloseTo(b[k]!, 4);
    }),
    { seed: 2 },
  );
  expect([...decodeDeltas(rows([0, 0, 10, 10]), rows([0.5, -0.5, 0, 0]), { ...plain, clip: [8, 12] })]).toEqual([
    5, 0, 12, 5,
  ]);
});

test("assignBoxes: between the thresholds nothing is learnt, and an object without a good box takes its best", () => {
  const objects = rows([0, 0, 10, 10], [100, 100, 110, 110]);
  const boxes = rows([0, 0, 10, 8], [0, 0, 10, 5], [0, 0, 2, 2], [100, 100, 106, 108], [100, 102, 106, 110]);
  const options = { positive: 0.7, negative: 0.3 };
  expect([...assignBoxes(boxes, objects, options).objects]).toEqual([1, -1, 0, -1, -1]);
  // Both of the last tie for the second object.
  expect([...assignBoxes(boxes, objects, { ...options, best: 0.3 }).objects]).toEqual([1, -1, 0, 2, 2]);
  expect([...assignBoxes(boxes, new Float32Array(0), { ...options, best: 0.3 }).objects]).toEqual([0, 0, 0, 0, 0]);
});

test("sampleBoxes: keeps the share of positives, fills up with background, and follows the seed", () => {
  const objects = Int32Array.from({ length: 100 }, (_, i) => (i < 40 ? 1 + (i % 3) : i < 90 ? 0 : -1));
  const draw = (seed: number, count = 32) =>
    sampleBoxes(objects, { count, positiveShare: 0.25, random: createRandom(seed) });
  const { positives, negatives } = draw(1);
  expect([positives.length, negatives.length]).toEqual([8, 24]);
  expect(positives.every((i) => objects[i]! > 0)).toBe(true);
  expect(negatives.every((i) => objects[i] === 0)).toBe(true);
  expect(new Set([...positives, ...negatives]).size).toBe(32);
  expect(draw(1)).toEqual(draw(1));
  expect(draw(2)).not.toEqual(draw(1));
  // There are 50 of the background: the whole of it, and no more positives than their share.
  expect(draw(1, 400).negatives.length).toBe(50);
});

test("proposals: small boxes go, levels do not suppress each other, and the best stay", () => {
  const anchors = rows([0, 0, 10, 10], [1, 0, 11, 10], [30, 30, 31, 30.5]);
  const level = (logits: number[]) => ({
    ...{ logits: Float32Array.from(logits), deltas: new Float32Array(12), cells: 3, anchors },
  });
  const options = { perLevel: 10, keep: 3, iou: 0.7, minSide: 0.6, kind, clip: [40, 40] as const };
  const found = proposals([level([2, 1, 5]), level([0, 3, 4])], options);
  expect([...found.boxes]).toEqual([1, 0, 11, 10, 0, 0, 10, 10]);
  expect(found.scores[0]).toBeCloseTo(1 / (1 + Math.exp(-3)), 6);
});

test("detections: without regions there is nothing; one box a region serves all classes", () => {
  const options = { minScore: 0.05, iou: 0.5, keep: 10, kind, clip: [40, 40] as const };
  const none = detections(new Float32Array(0), { scores: new Float32Array(0), deltas: new Float32Array(0) }, options);
  expect(none.boxes.length + none.scores.length + none.labels.length).toBe(0);
  const one = detections(
    rows([0, 0, 10, 10]),
    { scores: Float32Array.of(1, 2, 0), deltas: new Float32Array(4) },
    options,
  );
  expect([...one.labels]).toEqual([1, 0]);
  expect([...one.boxes]).toEqual([0, 0, 10, 10, 0, 0, 10, 10]);
});

const shape = [2, 3, 6, 9];
const boxesOf = [
  [3, 2, 30, 21],
  [-4, -6, 9, 40],
  [20, 5, 20, 5],
];

function matrices(samples: number) {
  const of = (axis: 0 | 1, extent: number) =>
    boxesOf.flatMap((box) => [
      ...roiAlignMatrix([box[axis]!, box[axis + 2]!], { extent, size: 3, scale: 1 / 4, samples }),
    ]);
  return {
    rows: { shape: [2, 3, 3, 6], data: [...of(1, 6), ...of(1, 6)] },
    columns: { shape: [2, 3, 3, 9], data: [...of(0, 9), ...of(0, 9)] },
  };
}

test.each([0, 2])("roiAlignBy: two matrix products are ONNX's RoiAlign, %i samples", async (samples) => {
  const x = input("x", shape);
  const regions = { rois: input("rois", [6, 4]), image: input("image", [6], "int64") };
  const fed = matrices(samples);
  const { direct, products } = await evaluate(
    {
      direct: roiAlign(x, regions, { size: 3, scale: 1 / 4, samples }),
      products: roiAlignBy(x, { rows: input("rows", fed.rows.shape), columns: input("columns", fed.columns.shape) }),
    },
    {
      x: noise(shape),
      rois: { shape: [6, 4], data: [...boxesOf, ...boxesOf].flat() },
      image: { shape: [6], data: [0, 0, 0, 1, 1, 1] },
      ...fed,
    },
  );
  expect(relativeL2(products!.data, direct!.data)).toBeLessThan(1e-5);
});

test("roiAlignBy: the gradient agrees with central differences", () => {
  const fed = matrices(2);
  const side = { rows: input("rows", fed.rows.shape), columns: input("columns", fed.columns.shape) };
  return checkGrad((x) => roiAlignBy(x, side), { shapes: [shape], feeds: fed });
});

test("fpn: gradients of maps and weights agree with central differences", () =>
  checkGrad(
    (fine, coarse, ...w) => {
      const conv = (k: number) => ({ conv: { weight: w[k]!, bias: w[4]! } });
      const maps = fpn({ lateral_convs: [conv(0), conv(1)], fpn_convs: [conv(2), conv(3)] }, [fine, coarse], {
        ...{ levels: [2, 3], channels: 2, outputs: 3 },
      });
      return maps[0]!;
    },
    {
      shapes: [
        [1, 2, 5, 7],
        [1, 3, 3, 4],
        ...[
          [2, 2, 1, 1],
          [2, 3, 1, 1],
          [2, 2, 3, 3],
          [2, 2, 3, 3],
        ],
        [2],
      ],
    },
  ));

test("fpn: takes any number of images", async () => {
  const w = { weight: input("w", [1, 1, 1, 1]), bias: input("b", [1]) };
  const layers = { lateral_convs: [{ conv: w }], fpn_convs: [{ conv: w }] };
  const maps = fpn(layers, [input("x", [batchDim(), 1, 3, 3])], { levels: [1], channels: 1, outputs: 2 });
  const { y } = await evaluate(
    { y: maps[1]! },
    { x: noise([2, 1, 3, 3]), w: { shape: [1, 1, 1, 1], data: [1] }, b: { shape: [1], data: [0] } },
  );
  expect(y!.shape).toEqual([2, 1, 2, 2]);
});

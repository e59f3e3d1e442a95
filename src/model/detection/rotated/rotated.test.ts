import fc from "fast-check";
import { expect, test } from "vitest";
import { noise, relativeL2 } from "../../../../test/support/arrays.ts";
import { checkGrad } from "../../../../test/support/check-grad.ts";
import { evaluate } from "../../../../test/support/evaluate.ts";
import { roiAlign } from "../../../graph/ops/roi-align.ts";
import { input } from "../../../graph/tensor.ts";
import { decodeMidpoints, encodeMidpoints } from "./midpoint-coder.ts";
import { corners, fromHorizontal, fromPolygons, halfTurn, toHorizontal, toPolygons } from "./rotated-boxes.ts";
import { decodeRotated, encodeRotated } from "./rotated-coder.ts";
import { pairIou, rotatedIou, rotatedNms } from "./rotated-iou.ts";
import { rotatedRoiAlign } from "./rotated-roi-align.ts";
import { poolTaps, rotatedTaps, tapsPerBin } from "./rotated-taps.ts";

const boxes = (...rows: number[][]) => Float32Array.from(rows.flat());
const iouOf = (a: number[], b: number[]) => pairIou(boxes(a), 0, boxes(b), 0);

const side = fc.double({ min: 1, max: 40, noNaN: true });
const place = fc.double({ min: -30, max: 30, noNaN: true });
const angle = fc.double({ min: -Math.PI / 2, max: Math.PI / 2 - 1e-6, noNaN: true });
const box = fc
  .tuple(place, place, side, side, angle)
  .map(([x, y, a, b, t]) => [x, y, Math.max(a, b), Math.min(a, b), t]);

/** Whether a point is in a box: by its coordinates along the box's axes. */
function inside([cx, cy, w, h, t]: number[], x: number, y: number): boolean {
  const [dx, dy] = [x - cx!, y - cy!];
  const u = dx * Math.cos(t!) + dy * Math.sin(t!);
  const v = -dx * Math.sin(t!) + dy * Math.cos(t!);
  return Math.abs(u) <= w! / 2 && Math.abs(v) <= h! / 2;
}

test("rotatedIou: squares and rectangles whose overlap is known on paper", () => {
  const turned = iouOf([0, 0, 2, 2, 0], [0, 0, 2, 2, Math.PI / 4]);
  expect(turned).toBeCloseTo(Math.SQRT1_2, 6);
  expect(iouOf([0, 0, 4, 2, 0], [0, 0, 4, 2, Math.PI / 2])).toBeCloseTo(1 / 3, 6);
  expect(iouOf([0, 0, 4, 2, 0.3], [0, 0, 4, 2, 0.3 + Math.PI])).toBeCloseTo(1, 6);
  expect(iouOf([0, 0, 4, 2, 0], [2, 0, 4, 2, 0])).toBeCloseTo(1 / 3, 6);
});

test("rotatedIou: equal boxes overlap wholly, touching ones not at all, empty ones with nothing", () => {
  expect(iouOf([5, 5, 4, 2, 0.7], [5, 5, 4, 2, 0.7])).toBeCloseTo(1, 12);
  expect(iouOf([0, 0, 4, 2, 0], [4, 0, 4, 2, 0])).toBe(0);
  expect(iouOf([0, 0, 4, 0, 0], [0, 0, 4, 0, 0])).toBe(0);
  expect(iouOf([0, 0, Number.NaN, 1, 0], [0, 0, 4, 2, 0])).toBe(0);
});

test("rotatedIou: agrees with counting the points of a fine grid", () => {
  fc.assert(
    fc.property(box, box, (a, b) => {
      const near = [b[0]! / 4, b[1]! / 4, ...b.slice(2)];
      const far = 80;
      const steps = 240;
      let [both, either] = [0, 0];
      for (let i = 0; i < steps; i++) {
        for (let j = 0; j < steps; j++) {
          const [x, y] = [((i + 0.5) / steps - 0.5) * far * 2, ((j + 0.5) / steps - 0.5) * far * 2];
          const [p, q] = [inside(a, x, y), inside(near, x, y)];
          if (p && q) both++;
          if (p || q) either++;
        }
      }
      // Cells of the grid that a border crosses may count wrong.
      const cell = (2 * far) / steps;
      const border = (4 * (a[2]! + a[3]! + near[2]! + near[3]!)) / cell;
      expect(Math.abs(iouOf(a, near) - both / Math.max(either, 1))).toBeLessThan(border / Math.max(either, 1) + 1e-9);
    }),
    { numRuns: 20, seed: 1 },
  );
});

test("rotatedIou: is the same both ways, and under turning and moving both boxes", () => {
  fc.assert(
    fc.property(box, box, angle, (a, b, turn) => {
      const moved = ([x, y, w, h, t]: number[]) => [
        x! * Math.cos(turn) - y! * Math.sin(turn) + 7,
        x! * Math.sin(turn) + y! * Math.cos(turn) - 3,
        ...[w!, h!, halfTurn(t! + turn)],
      ];
      expect(iouOf(a, b)).toBeCloseTo(iouOf(b, a), 9);
      expect(iouOf(a, b)).toBeCloseTo(iouOf(moved(a), moved(b)), 3);
    }),
    { seed: 2 },
  );
});

test("rotatedNms: an overlap equal to the threshold suppresses; groups stay apart", () => {
  const pair = boxes([0, 0, 4, 2, 0], [2, 0, 4, 2, 0]);
  const iou = rotatedIou(pair, pair)[1]!;
  const scores = Float32Array.of(0.5, 0.9);
  expect(rotatedNms(pair, scores, { iou })).toEqual([1]);
  expect(rotatedNms(pair, scores, { iou: iou + 1e-6 })).toEqual([1, 0]);
  expect(rotatedNms(pair, scores, { iou, groups: [0, 1] })).toEqual([1, 0]);
});

test("fromPolygons: gives back the boxes that polygons were made of", () => {
  fc.assert(
    fc.property(box, (b) => {
      const row = boxes(b);
      // Of a square either side may be the long one.
      fc.pre(b[2]! - b[3]! > 1e-3);
      const back = fromPolygons(toPolygons(row));
      for (const k of [0, 1, 2, 3]) expect(back[k]).toBeCloseTo(row[k]!, 3);
      expect(Math.abs(Math.sin(back[4]! - row[4]!))).toBeLessThan(1e-3);
    }),
    { seed: 3 },
  );
});

test("toHorizontal: is the box around the corners, and fromHorizontal its inverse for unturned boxes", () => {
  const row = boxes([10, 20, 8, 3, 0.6]);
  const points = corners(row);
  const xs = points.filter((_, k) => k % 2 === 0);
  const ys = points.filter((_, k) => k % 2 === 1);
  const around = toHorizontal(row);
  for (const [k, v] of [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)].entries()) {
    expect(around[k]).toBeCloseTo(v, 5);
  }
  const tall = Float32Array.of(1, 2, 4, 12);
  expect([...fromHorizontal(tall)]).toEqual([2.5, 7, 10, 3, Math.fround(-Math.PI / 2)]);
  expect(relativeL2(toHorizontal(fromHorizontal(tall)), tall)).toBeLessThan(1e-6);
});

const midpointScale = { means: [0, 0, 0, 0, 0, 0], stds: [1, 1, 1, 1, 0.5, 0.5] };
const headScale = { means: [0, 0, 0, 0, 0], stds: [0.1, 0.1, 0.2, 0.2, 0.1] };

/** Sides of some pixels and angles off the axes: nearly along an axis two corners count as the extreme one. */
const slanted = fc
  .tuple(
    place,
    place,
    fc.integer({ min: 4, max: 40 }),
    fc.integer({ min: 4, max: 40 }),
    fc.integer({ min: 2, max: 13 }),
  )
  .chain(([x, y, a, b, t]) =>
    fc.constantFrom(-1, 1).map((sign) => [x, y, Math.max(a, b), Math.min(a, b), (sign * t) / 10]),
  );

test("coders of oriented boxes: decoding what was encoded gives the box again", () => {
  fc.assert(
    fc.property(slanted, slanted, (a, b) => {
      const [from, to] = [boxes(a), boxes(b)];
      const anchor = toHorizontal(from);
      const direct = decodeRotated(from, encodeRotated(from, to, headScale), headScale);
      expect(pairIou(direct, 0, to, 0)).toBeGreaterThan(0.999);
      const midpoints = decodeMidpoints(anchor, encodeMidpoints(anchor, to, midpointScale), midpointScale);
      expect(pairIou(midpoints, 0, to, 0)).toBeGreaterThan(0.999);
    }),
    { seed: 4 },
  );
});

const map = { data: Float32Array.from(noise([2, 9, 11]).data), channels: 2, height: 9, width: 11 };

test.each([0, 2])("rotatedRoiAlign: unturned, with %i samples, it is RoIAlign", async (samples) => {
  const options = { size: 3, scale: 1 / 4, samples };
  const flat = [5, 3, 31, 27];
  const { y } = await evaluate(
    {
      y: roiAlign(input("x", [1, 2, 9, 11]), { rois: input("r", [1, 4]), image: input("i", [1], "int64") }, options),
    },
    { x: { shape: [1, 2, 9, 11], data: map.data }, r: { shape: [1, 4], data: flat }, i: { shape: [1], data: [0] } },
  );
  const turned = rotatedRoiAlign(map, boxes([18, 15, 26, 24, 0]), options);
  expect(relativeL2(turned, y!.data)).toBeLessThan(1e-5);
});

test("rotatedRoiAlign: half a turn reverses the bins", () => {
  const options = { size: 3, scale: 1 / 4, samples: 2 };
  const straight = rotatedRoiAlign(map, boxes([18, 15, 26, 14, 0.4]), options);
  const turned = rotatedRoiAlign(map, boxes([18, 15, 26, 14, 0.4 + Math.PI]), options);
  const reversed = [...turned.slice(0, 9).toReversed(), ...turned.slice(9).toReversed()];
  expect(relativeL2(reversed, straight)).toBeLessThan(1e-5);
});

const pyramid = [
  { stride: 4, rows: 9, columns: 11 },
  { stride: 8, rows: 5, columns: 6 },
];

test("poolTaps: is rotated RoIAlign of every box on the map of its own level and image", async () => {
  const shapes = [
    [2, 3, 9, 11],
    [2, 3, 5, 6],
  ];
  const maps = shapes.map((shape, i) => noise(shape, i + 1));
  const regions = boxes([18, 15, 26, 14, 0.4], [2, 30, 30, 9, -1.2], [20, 18, 40, 30, 0.1]);
  const levels = Int32Array.of(0, 0, 1);
  const second = rotatedTaps(regions, { levels, maps: pyramid, size: 3, first: 9 * 11 + 5 * 6 });
  const shape = [27, tapsPerBin];
  const pooled = poolTaps(
    shapes.map((s, i) => input(`m${i}`, s)),
    { cells: input("cells", shape, "int64"), weights: input("weights", shape) },
    { n: 3, size: 3 },
  );
  const { y } = await evaluate(
    { y: pooled },
    {
      ...{ m0: maps[0]!, m1: maps[1]! },
      cells: { shape, data: Array.from(second.cells, Number) },
      weights: { shape, data: second.weights },
    },
  );
  const expected = [...levels].flatMap((level, i) => {
    const [, channels, height, width] = shapes[level]! as [number, number, number, number];
    const data = Float32Array.from(maps[level]!.data.slice(channels * height * width));
    const options = { size: 3, scale: 1 / pyramid[level]!.stride, samples: 2 };
    return [...rotatedRoiAlign({ data, channels, height, width }, regions.slice(5 * i, 5 * i + 5), options)];
  });
  expect(relativeL2(y!.data, expected)).toBeLessThan(1e-5);
});

test("poolTaps: the gradient agrees with central differences", () => {
  const regions = boxes([18, 15, 26, 14, 0.4], [2, 30, 30, 9, -1.2]);
  const taps = rotatedTaps(regions, { levels: Int32Array.of(0, 1), maps: pyramid, size: 2 });
  const shape = [8, tapsPerBin];
  const fed = { cells: input("cells", shape, "int64"), weights: input("weights", shape) };
  return checkGrad((fine, coarse) => poolTaps([fine, coarse], fed, { n: 2, size: 2 }), {
    shapes: [
      [1, 2, 9, 11],
      [1, 2, 5, 6],
    ],
    feeds: {
      cells: { shape, data: Array.from(taps.cells, Number) },
      weights: { shape, data: taps.weights },
    },
  });
});

import { describe, expect, test } from "vitest";
import { sumOver } from "../../test/support/arrays.ts";
import { createRandom } from "../core/random.ts";
import { type Crop, chooseCrop, chooseOrientation, cropPlanes } from "../train/data/geometry.ts";
import { correspondence, type View } from "./correspondence.ts";

const place = [24, 30] as const;
const perUnit = 4;
const grid = [6, 6] as const;
const cells = 36;

/** Each pixel of the place painted with where it is: [2, height, width], then cut as images are, one pixel a cell. */
function groundSeen(crop: Crop): { row: number; column: number }[] {
  const [height, width] = [place[0] * perUnit, place[1] * perUnit];
  const data = new Float32Array(2 * height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data[y * width + x] = (y + 0.5) / perUnit;
      data[(height + y) * width + x] = (x + 0.5) / perUnit;
    }
  }
  const out = new Float32Array(2 * cells);
  cropPlanes({ data, count: 2, height, width, perUnit }, crop, { size: grid[0], antialias: false, out });
  return Array.from({ length: cells }, (_, i) => ({ row: out[i]!, column: out[cells + i]! }));
}

const orientations = Array.from({ length: 8 }, (_, i) => ({
  transpose: (i & 1) === 1,
  flipRows: (i & 2) === 2,
  flipColumns: (i & 4) === 4,
}));

describe.each(orientations)("correspondence: with view a laid %o", (first) => {
  test.each(orientations)("and b %o, both sides of a pair show the same ground", (second) => {
    const random = createRandom(1, JSON.stringify([first, second]));
    for (let round = 0; round < 3; round++) {
      const a: Crop = { ...chooseCrop(random, place, { area: [0.2, 0.9] }), ...first };
      const b: Crop = { ...chooseCrop(random, place, { area: [0.2, 0.9] }), ...second };
      const [groundA, groundB] = [groundSeen(a), groundSeen(b)];
      const pairs = cells;
      const found = correspondence({ crop: a, grid }, { crop: b, grid }, { pairs, random });

      // Which cells of a lie in b, by their ground.
      const inside = groundA.filter(
        ({ row, column }) =>
          row >= b.top && row <= b.top + b.height && column >= b.left && column <= b.left + b.width,
      ).length;
      expect(sumOver(pairs, (i) => found.weight[i]!)).toBe(inside < 4 ? 0 : inside);

      // Half a cell from the edge, b has nothing further out to interpolate with.
      const edge = { row: b.height / grid[0] / 2, column: b.width / grid[1] / 2 };
      for (let i = 0; i < pairs; i++) {
        if (found.weight[i] === 0) continue;
        const seen = (weights: Float32Array, ground: typeof groundA, key: "row" | "column") =>
          sumOver(cells, (cell) => weights[i * cells + cell]! * ground[cell]![key]);
        const clamped = (value: number, start: number, length: number, margin: number) =>
          Math.min(Math.max(value, start + margin), start + length - margin);
        const own = { row: seen(found.a, groundA, "row"), column: seen(found.a, groundA, "column") };
        expect(seen(found.b, groundB, "row")).toBeCloseTo(clamped(own.row, b.top, b.height, edge.row), 3);
        expect(seen(found.b, groundB, "column")).toBeCloseTo(clamped(own.column, b.left, b.width, edge.column), 3);
      }
    }
  });
});

const whole: Crop = {
  top: 0,
  left: 0,
  height: 24,
  width: 24,
  transpose: false,
  flipRows: false,
  flipColumns: false,
};
const view = (crop: Partial<Crop>, more: Partial<View> = {}): View => ({
  crop: { ...whole, ...crop },
  grid,
  ...more,
});
const one = (rows: Float32Array, i: number) => rows.subarray(i * cells, (i + 1) * cells);

test("correspondence: the same view twice pairs each cell with itself", () => {
  const { a, b, weight } = correspondence(view({}), view({}), { pairs: cells, random: createRandom(0) });
  expect(b).toEqual(a);
  expect(weight).toEqual(new Float32Array(cells).fill(1));
  for (let cell = 0; cell < cells; cell++) expect(sumOver(cells, (i) => a[i * cells + cell]!)).toBe(1);
});

test("correspondence: rows of both sides sum to 1, and no cell is drawn twice", () => {
  const random = createRandom(3);
  for (let round = 0; round < 20; round++) {
    const turned = () => chooseOrientation(random, { flips: true, rotations: true });
    const [first, second] = [0, 1].map(() => ({
      crop: { ...chooseCrop(random, place, { area: [0.5, 1] }), ...turned() },
      grid,
    })) as [View, View];
    const { a, b, weight } = correspondence(first, second, { pairs: 8, random });
    const drawn = new Set<number>();
    for (let i = 0; i < 8; i++) {
      expect(sumOver(cells, (cell) => one(b, i)[cell]!)).toBeCloseTo(1, 6);
      expect(Array.from(one(a, i)).sort().slice(-2)).toEqual([0, 1]);
      if (weight[i] === 1) drawn.add(one(a, i).indexOf(1));
    }
    expect(drawn.size).toBe(sumOver(8, (i) => weight[i]!));
  }
});

test("correspondence: too few pairs are repeated without weight; fewer than four have none", () => {
  const corner = (height: number, width: number) => view({ top: 0, left: 0, height, width });
  const random = createRandom(0);
  const four = correspondence(view({}), corner(8, 8), { pairs: 6, random });
  expect(Array.from(four.weight)).toEqual([1, 1, 1, 1, 0, 0]);
  expect(one(four.a, 4)).toEqual(one(four.a, 0));
  expect(one(four.b, 5)).toEqual(one(four.b, 1));
  const two = correspondence(view({}), corner(8, 4), { pairs: 6, random });
  expect(Array.from(two.weight)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(one(two.a, 2)).toEqual(one(two.a, 0));
  const apart = correspondence(view({ width: 10 }), view({ left: 14, width: 10 }), { pairs: 6, random });
  expect([...apart.a, ...apart.b, ...apart.weight].every((value) => value === 0)).toBe(true);
});

test("correspondence: invalid cells are on neither side", () => {
  const valid = Float32Array.from({ length: cells }, (_, i) => (i % 5 === 0 ? 0 : 1));
  const both = correspondence(view({}, { valid }), view({ left: 2 }, { valid }), {
    pairs: cells,
    random: createRandom(0),
  });
  expect(sumOver(cells, (i) => both.weight[i]!)).toBeGreaterThan(4);
  for (let i = 0; i < cells; i++) {
    for (let cell = 0; cell < cells; cell += 5) expect([one(both.a, i)[cell], one(both.b, i)[cell]]).toEqual([0, 0]);
  }
});

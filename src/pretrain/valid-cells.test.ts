import { expect, test } from "vitest";
import { at, nd, noise, sumOver } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { createRandom } from "../core/random.ts";
import { input } from "../graph/tensor.ts";
import { correspondence } from "./correspondence.ts";
import type { ViewInputs } from "./encode-views.ts";
import { validCells, validPairs } from "./valid-cells.ts";

// Two places, two views of 4 × 4 cells, tokens: two dates of S2, then one of S1.
const [places, cells, pairs] = [2, 16, 6];
const dates = { s2: 2, s1: 1 };
const clear = noise([places * 2, cells, 3], 4).data.map((v) => (v > -0.4 ? 1 : 0));
const mask = nd([places * 2, cells, 3], ([row, cell, token]) =>
  clear[(row! * cells + cell!) * 3 + token!] === 1 ? 0 : -1e9,
);
const isClear = (row: number, cell: number, token: number) => at(mask, [row, cell, token]) === 0;

const sensor = (count: number) => ({ present: input(`present ${count}`, [places, 2, count]) });
const inputs = {
  sensors: { s2: sensor(dates.s2), s1: sensor(dates.s1) },
  mask: input("mask", mask.shape),
} as unknown as ViewInputs;

test("validCells: are those of the sensor's dates; of the fused features those that any image shows", async () => {
  const outputs = {
    s2: validCells("s2", inputs),
    s1: validCells("s1", inputs),
    fused: validCells("fused", inputs),
  };
  const found = await evaluate(outputs, { mask });
  const expected = (tokens: number[]) =>
    nd([places, 2, tokens.length, cells], ([place, view, date, cell]) =>
      isClear(place! * 2 + view!, cell!, tokens[date!]!) ? 1 : 0,
    );
  expect(found.s2).toEqual(expected([0, 1]));
  expect(found.s1).toEqual(expected([2]));
  const any = nd([places, 2, 1, cells], ([place, view, , cell]) =>
    [0, 1, 2].some((token) => isClear(place! * 2 + view!, cell!, token)) ? 1 : 0,
  );
  expect(found.fused).toEqual(any);
});

test("validPairs: count where the own cell and all cells that the other is interpolated from are clear", async () => {
  const crop = { top: 0, left: 0, height: 20, width: 20, transpose: false, flipRows: false, flipColumns: false };
  const shifted = { ...crop, top: 1, left: 2, height: 17, width: 18, flipColumns: true };
  const both = [crop, shifted].map((one) => ({ crop: one, grid: [4, 4] as const }));
  const found = Array.from({ length: places * 2 }, (_, row) => {
    const [own, other] = [both[row % 2]!, both[1 - (row % 2)]!];
    return correspondence(own, other, { pairs, random: createRandom(row, "pairs") });
  });
  const shape = [places, 2, 1, pairs, cells];
  const student = { shape, data: found.flatMap(({ a }) => Array.from(a)) };
  const teacher = { shape, data: found.flatMap(({ b }) => Array.from(b)) };
  const weights = validPairs(validCells("s2", inputs), {
    student: input("student", shape),
    teacher: input("teacher", shape),
  });
  const { counted } = await evaluate({ counted: weights }, { mask, student, teacher });
  const expected = nd([places, 2, dates.s2, pairs], ([place, view, date, pair]) => {
    const [own, other] = [place! * 2 + view!, place! * 2 + 1 - view!];
    const used = (weight: typeof student, row: number) =>
      Array.from({ length: cells }, (_, cell) => cell).every(
        (cell) => at(weight, [place!, view!, 0, pair!, cell]) === 0 || isClear(row, cell, date!),
      );
    return used(student, own) && used(teacher, other) ? 1 : 0;
  });
  expect(counted).toEqual(expected);
  const share = sumOver(expected.data.length, (i) => expected.data[i]!) / expected.data.length;
  expect(share).toBeGreaterThan(0.1);
  expect(share).toBeLessThan(0.9);
});

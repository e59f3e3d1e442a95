import { expect, test } from "vitest";
import { noise, sumOver } from "../../test/support/arrays.ts";
import { checkGrad } from "../../test/support/check-grad.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { gradients } from "../graph/gradients.ts";
import { constant, input } from "../graph/tensor.ts";
import { koleo } from "./koleo.ts";

test("koleo: is minus the mean logarithm of the distance to the nearest row", async () => {
  const [n, d] = [7, 4];
  const x = noise([n, d], 2);
  const rows = Array.from({ length: n }, (_, i) => {
    const row = x.data.slice(i * d, (i + 1) * d);
    return row.map((v) => v / Math.hypot(...row));
  });
  const distance = (i: number, j: number) => Math.hypot(...rows[i]!.map((v, k) => v - rows[j]![k]!));
  const nearest = (i: number) => Math.min(...rows.flatMap((_, j) => (j === i ? [] : [distance(i, j)])));
  const expected = -sumOver(n, (i) => Math.log(nearest(i) + 1e-8)) / n;
  const { loss } = await evaluate({ loss: koleo(input("x", [n, d])) }, { x });
  expect(loss!.shape).toEqual([]);
  expect(loss!.data[0]).toBeCloseTo(expected, 5);
});

test("koleo: its gradient agrees with central differences, through both ends of a distance", async () => {
  await checkGrad(koleo, { shapes: [[6, 4]], h: 2e-3 });
});

test("koleo: rows that are the same give a finite loss and no gradient; zeros nothing that is not a number", async () => {
  const x = input("x", [4, 2]);
  const loss = koleo(x);
  const [d] = gradients([{ of: loss, value: constant([1], []) }], [x]);
  const twins = await evaluate({ loss, d: d! }, { x: { shape: [4, 2], data: [3, 4, 3, 4, -1, 2, -1, 2] } });
  expect(twins.loss!.data[0]).toBeCloseTo(-Math.log(1e-8), 3);
  expect(Array.from(twins.d!.data).every((v) => v === 0)).toBe(true);
  const zeros = await evaluate({ loss, d: d! }, { x: { shape: [4, 2], data: [3, 4, 0, 0, 0, 0, -1, 2] } });
  expect([...Array.from(zeros.d!.data), zeros.loss!.data[0]].every(Number.isFinite)).toBe(true);
});

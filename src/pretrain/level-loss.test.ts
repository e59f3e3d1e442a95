import { expect, test } from "vitest";
import { noise } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { input } from "../graph/tensor.ts";
import { levelLoss } from "./level-loss.ts";
import { defaults } from "./settings.ts";

const [places, views, rows, width] = [4, 2, 2, 3];
const shape = [places, views, rows, width];
const student = noise(shape, 1);
const teacher = noise(shape, 2);
const weight = [1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1];

const at = (data: ArrayLike<number>, place: number, view: number, row: number) => {
  const first = ((place * views + view) * rows + row) * width;
  return Array.from({ length: width }, (_, i) => data[first + i]!);
};
const unit = (values: number[]) => values.map((value) => value / Math.hypot(...values));
/** Each column with mean 0 and deviation 1. */
const standardised = (vectors: number[][]) =>
  vectors.map((vector) =>
    vector.map((value, i) => {
      const column = vectors.map((other) => other[i]!);
      const variance = mean(column.map((other) => (other - mean(column)) ** 2));
      return (value - mean(column)) / Math.sqrt(variance + 1e-5);
    }),
  );
const counts = (place: number, view: number, row: number) => weight[(place * views + view) * rows + row] === 1;
const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;

/** InfoNCE of the named rows, standardised, both directions, in float64. */
function byHand(named: [place: number, view: number, row: number][], temperature: number): number {
  const kept = named.filter((name) => counts(...name));
  const [own, other] = [student, teacher].map(({ data }) =>
    standardised(kept.map((name) => at(data, ...name))).map(unit),
  ) as [number[][], number[][]];
  const score = (i: number, j: number) =>
    own[i]!.reduce((sum, value, k) => sum + value * other[j]![k]!, 0) / temperature;
  const all = kept.map((_, i) => i);
  const total = (scores: number[]) => Math.log(scores.reduce((sum, value) => sum + Math.exp(value), 0));
  return mean(
    all.map((i) => (total(all.map((j) => score(i, j))) + total(all.map((j) => score(j, i)))) / 2 - score(i, i)),
  );
}

const names = (view: number, ofRows: number[]) =>
  Array.from({ length: places }, (_, place) =>
    ofRows.map((row): [number, number, number] => [place, view, row]),
  ).flat();

test.each([
  [
    "dates of a place are no negatives of each other",
    true,
    [0, 1].flatMap((view) => [names(view, [0]), names(view, [1])]),
  ],
  ["cells of a place are", false, [names(0, [0, 1]), names(1, [0, 1])]],
] as const)("levelLoss: contrasts each view with the other one alone; %s", async (_, dated, groups) => {
  const level = {
    student: input("student", shape),
    teacher: input("teacher", shape),
    weight: input("weight", shape.slice(0, 3)),
    dated,
  };
  const { loss } = levelLoss(level, { ...defaults, form: "contrast" });
  const found = await evaluate({ loss }, { student, teacher, weight: { shape: shape.slice(0, 3), data: weight } });
  const wanted = mean(groups.map((group) => byHand([...group], defaults.temperature.contrast)));
  expect(Math.abs(found.loss!.data[0]! - wanted)).toBeLessThan(1e-5);
});

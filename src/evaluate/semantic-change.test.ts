import { expect, test } from "vitest";
import { addSemanticChange, countSemanticChange, semanticChangeScores } from "./semantic-change.ts";

const maps = (...dates: number[][]) => dates.map((labels) => Uint8Array.from(labels));
const count = (truth: number[][], said: number[][]) =>
  countSemanticChange(maps(...truth), maps(...said), { classes: 6 });

const first = count(
  [
    [0, 1, 2, 3],
    [0, 2, 2, 4],
  ],
  [
    [0, 1, 2, 3],
    [1, 2, 2, 5],
  ],
);
const second = count(
  [
    [0, 0, 0, 0],
    [1, 1, 0, 0],
  ],
  [
    [0, 0, 0, 0],
    [1, 0, 0, 0],
  ],
);

test("semanticChangeScores: binary and semantic change of each place, and of the totals of both", () => {
  const { bc, sc, scs } = semanticChangeScores(first);
  expect(bc).toBeCloseTo(2 / 3, 12);
  expect(sc).toBeCloseTo(0.5, 12);
  expect(scs).toBeCloseTo(0.583333, 6);
  expect(semanticChangeScores(second)).toEqual({ bc: 0.5, sc: 0.5, scs: 0.5 });
  const both = semanticChangeScores(addSemanticChange([first, second], [0, 1]));
  expect(both.bc).toBeCloseTo(0.6, 12);
  expect(both.sc).toBeCloseTo(0.5, 12);
  expect(both.scs).toBeCloseTo(0.55, 12);
});

test("countSemanticChange: what has no class on one side is a change that has no class after it", () => {
  const { binary, confusion } = count(
    [
      [0, 255],
      [255, 1],
    ],
    [
      [0, 0],
      [0, 1],
    ],
  );
  expect(binary).toEqual({ found: 1, falseAlarms: 0, missed: 1 });
  expect(confusion.reduce((a, b) => a + b, 0)).toBe(1);
  expect(semanticChangeScores(count([[0], [0]], [[0], [0]])).scs).toBeNaN();
});

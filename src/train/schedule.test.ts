import { expect, test } from "vitest";
import { learningRate, type Schedule } from "./schedule.ts";

const at = (schedule: Schedule, steps: number[], total = 100) =>
  steps.map((step) => Number(learningRate(schedule, step, total).toPrecision(12)));

test("learningRate: each curve begins at lr and ends where it should", () => {
  expect(at({ kind: "constant", lr: 2 }, [0, 50, 99])).toEqual([2, 2, 2]);
  expect(at({ kind: "cosine", lr: 2 }, [0, 50, 100])).toEqual([2, 1, 0]);
  expect(at({ kind: "cosine", lr: 2, end: 0.1 }, [0, 50, 100])).toEqual([2, 1.1, 0.2]);
  expect(at({ kind: "linear", lr: 2, end: 0.5 }, [0, 50, 100])).toEqual([2, 1.5, 1]);
  expect(at({ kind: "poly", lr: 2, power: 2 }, [0, 50, 100])).toEqual([2, 0.5, 0]);
  expect(at({ kind: "step", lr: 2, milestones: [8, 11] }, [0, 7, 8, 10, 11])).toEqual([2, 2, 0.2, 0.2, 0.02]);
});

test("learningRate: warm-up rises linearly from its ratio, on top of the curve", () => {
  expect(at({ kind: "constant", lr: 1, warmup: 4 }, [0, 1, 2, 3, 4, 5])).toEqual([0, 0.25, 0.5, 0.75, 1, 1]);
  expect(at({ kind: "constant", lr: 1, warmup: 10, warmupRatio: 0.1 }, [0, 5, 10])).toEqual([0.1, 0.55, 1]);
  expect(at({ kind: "linear", lr: 1, warmup: 10 }, [5])).toEqual([0.475]);
});

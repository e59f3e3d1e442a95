import { expect, test } from "vitest";
import { outcomePicture } from "./difference-picture.ts";
import { type ChangeReport, changeReport } from "./report.ts";

const interval = { low: 0.5, high: 0.9 };
const report: ChangeReport = {
  title: "pairs <1>",
  command: "skysense evaluate change",
  software: "skysense",
  created: "2026-01-01",
  scores: { precision: 0.8, recall: 0.7, f1: 0.75, iou: 0.6, overallAccuracy: 0.95, kappa: Number.NaN },
  intervals: {
    precision: interval,
    recall: interval,
    f1: interval,
    iou: interval,
    overallAccuracy: interval,
    kappa: { low: Number.NaN, high: Number.NaN },
  },
  confusion: { classes: 2, counts: Float64Array.of(90, 1, 2, 7) },
  pairs: 3,
  worst: [{ id: "a<b", where: "columns from 0, rows from 0", wrong: 0.3, png: Uint8Array.of(1) }],
  failures: [{ id: "c", reason: "damaged" }],
  seconds: 12,
  training: { pairs: 9, settings: { lr: 0.1 }, steps: [{ step: 1, loss: 0.7, lr: 0.1 }] },
};

test("changeReport: scores of the change class with their intervals, what was left out, and no raw text", () => {
  const page = changeReport(report);
  for (const text of ["F1 of change", "75.0", "50.0", "Judged on 3 pairs", "change that was missed", "c: damaged"]) {
    expect(page).toContain(text);
  }
  expect(page).toContain("a&lt;b");
  expect(page).not.toMatch(/a<b|NaN|undefined/);
});

test("outcomePicture: found, missed, false and unchanged have colours, what has no label none", () => {
  const { rgba } = outcomePicture(Uint8Array.of(1, 1, 0, 0, 255), Uint8Array.of(1, 0, 1, 0, 1), {
    width: 5,
    height: 1,
  });
  const colours = [0, 1, 2, 3, 4].map((p) => [...rgba.subarray(4 * p, 4 * p + 4)].join());
  expect(new Set(colours).size).toBe(5);
  expect(colours[4]).toBe("0,0,0,0");
});

import { expect, test } from "vitest";
import { type NamesReport, namesReport } from "./report.ts";

const run = (seed: number, value: number) => ({
  seed,
  measures: [{ metric: "OA", value, low: value - 0.05, high: value + 0.05 }],
  steps: Array.from({ length: 500 }, (_, i) => ({ step: i + 1, loss: 1 / (i + 1), lr: 1e-3, samplesPerSecond: 9 })),
});

const report: NamesReport = {
  title: "40 images of 2 classes from <scenes>",
  command: "skysense finetune classification --data scenes --out run",
  software: "skysense 0.1.0",
  created: "2026-11-24T12:00:00Z",
  classes: ["<b>", "Water"],
  multiLabel: false,
  runs: [run(0, 0.9)],
  classRows: [
    { name: "<b>", items: 10, values: { Accuracy: 0.875, Precision: Number.NaN } },
    { name: "Water", items: 10, values: { Accuracy: 1, Precision: 0.5 } },
  ],
  confusion: [8, 2, 0, 10],
  mistakes: [{ id: "a<b.png", text: "<b>, called Water (99 %)", png: new Uint8Array([137, 80]) }],
  counts: { train: 40, test: 20 },
  settings: { "weight decay": "0.05" },
  failures: [{ id: "bad.png", reason: "it is <cut>" }],
  seconds: 75,
};

/** As one reads it. */
const text = (html: string) => html.replaceAll("\u00a0", " ").replaceAll(/<[^>]*>/g, " ");

test("namesReport: one run has its score with its interval, mistakes, classes and the command", () => {
  const page = namesReport(report);
  const read = text(page);
  expect(read).toContain(
    "Learnt from 40 images and judged once, on 20 that were held out: 90.0 % of the images named",
  );
  expect(read).toMatch(/Overall accuracy\s+90\.0 %\s+95 % interval\s+85\.0 % … 95\.0 %/);
  expect(read).toContain("One image could not be used.");
  expect(read).toContain("bad.png: it is &lt;cut&gt;");
  expect(read).toMatch(/&lt;b&gt;\s+10\s+87\.5 %\s+–/);
  expect(read).toContain(report.command);
  expect(read).not.toContain("Runs");
  expect(page).not.toMatch(/<b>|<scenes>|NaN|undefined/);
});

test("namesReport: several runs have mean and deviation, a table, and a curve each", () => {
  const page = namesReport({ ...report, runs: [run(0, 0.9), run(1, 0.94)] });
  const read = text(page);
  expect(read).toContain("92.0 ± 2.8 % of the images named rightly, mean ± standard deviation of 2 seeds.");
  expect(read).toMatch(/mean ± deviation\s+92\.0 ± 2\.8 %/);
  expect(read).toContain("Worst mistakes of seed 0");
  expect(read).toContain("Loss, seed 1");
  expect(read).not.toContain("95 % interval");
});

test("namesReport: several classes an image have precision instead of accuracy, and no confusion", () => {
  const measures = [
    { metric: "mAP micro", value: 0.8, low: 0.7, high: 0.9 },
    { metric: "mAP macro", value: 0.6, low: 0.5, high: 0.7 },
  ];
  const runs = [{ ...run(0, 0), measures }];
  const read = text(namesReport({ ...report, runs, multiLabel: true, confusion: undefined, mistakes: [] }));
  expect(read).toContain("mean average precision of 60.0 % over classes");
  expect(read).toMatch(/mAP over classes\s+60\.0 %/);
  expect(read).not.toContain("Confusion");
});

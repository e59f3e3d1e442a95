import { expect, test } from "vitest";
import { nd, noise } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { input, parameter } from "../graph/tensor.ts";
import { geoContext, regionOf } from "../model/geo-context.ts";
import { type PretrainReport, pretrainReport } from "./report.ts";
import { attentionOf, watched } from "./report-attention.ts";
import { accuracyChart, lossCharts, type MetricsRow, monitorCharts } from "./report-charts.ts";

const row = (step: number): MetricsRow => ({
  step,
  loss: 7 - step / 1000,
  "image.hr": 6,
  "image.fused": 5,
  "align.hr-s2": 4,
  "monitor.hr.entropy": 0.5,
  lr: 1e-3,
  ...(step % 10 === 0 && { "evaluate.knn.hr": step / 1000 }),
});
const rows = Array.from({ length: 1000 }, (_, i) => row(i + 1));

test("report charts: each term of the loss is a chart with a line a branch; monitors say what is healthy", () => {
  const { markup } = lossCharts(rows);
  expect([...markup.matchAll(/<h3>(.*?)<\/h3>/g)].map(([, title]) => title)).toEqual([
    "Loss",
    "Image level",
    "Alignment of sensors",
  ]);
  // The first colour is that of what is fused, the second that of HR.
  expect(markup).toMatch(/accent\)">fused<\/li><li style="--tone:var\(--hr\)">hr<\/li>/);
  expect(monitorCharts(rows).markup).toContain("Healthy after the first steps: 0.3 to 0.9.");
  expect(monitorCharts(rows.map(({ step, loss }) => ({ step, loss: loss! }))).markup).toContain(
    "None were measured.",
  );
});

test("report charts: long runs are drawn by means, from the first step to the last", () => {
  const { markup } = lossCharts(rows);
  const [, path] = /<path d="([^"]*)"/.exec(markup)!;
  expect(path!.match(/[ML]/g)).toHaveLength(250);
  expect(markup).toMatch(/<span>1<\/span><span>step<\/span><span>1\u202f000<\/span>/);
});

test("report charts: accuracies are in per cent, and no chart where none were measured", () => {
  expect(accuracyChart(rows)!.markup).toContain(">100</span>");
  expect(accuracyChart(rows.slice(0, 5))).toBeUndefined();
});

test("attentionOf: its weighted prototypes are the context of the model's own graph", async () => {
  const [grid, prototypes, width, cells] = [3, 4, 6, 5];
  const bank = noise([grid * grid, prototypes, width], 1);
  const fused = noise([1, cells, width], 2);
  const location = { longitude: 100, latitude: -20 };
  const context = geoContext(
    { prototypes: parameter("bank", [grid * grid, prototypes, width]) },
    input("x", [1, cells, width]),
    {
      region: input("region", [1], "int64"),
      known: input("known", [1]),
    },
  );
  const found = await evaluate(
    { context },
    {
      bank,
      x: fused,
      region: { shape: [1], data: [regionOf(location, grid)] },
      known: { shape: [1], data: [1] },
    },
  );
  const byChannel = nd([width, cells], ([j, cell]) => fused.data[cell! * width + j!]!);
  const seen = attentionOf(
    {
      grid,
      prototypes: Float32Array.from(bank.data),
      shape: [grid * grid, prototypes, width],
      visits: undefined,
    },
    Float32Array.from(byChannel.data),
    location,
  );
  for (let j = 0; j < width; j++) {
    let mean = 0;
    for (let cell = 0; cell < cells; cell++) mean += found.context!.data[cell * 2 * width + width + j]! / cells;
    expect(seen.context[j]).toBeCloseTo(mean, 6);
  }
  expect(seen.shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
});

test("watched: is the number of prototypes that are looked at alike", () => {
  expect(watched([0.25, 0.25, 0.25, 0.25])).toBeCloseTo(4, 10);
  expect(watched([0.5, 0.5, 0, 0])).toBeCloseTo(2, 10);
  expect(watched([1, 0, 0])).toBe(1);
});

test("pretrainReport: is one page, whatever a place is called and however little was measured", () => {
  const png = Uint8Array.of(1);
  const report: PretrainReport = {
    title: "<b>nano</b>",
    command: "skysense pretrain --data 'a&b.jsonl'",
    software: "skysense",
    created: "2024-01-01T00:00:00Z",
    metrics: [],
    places: { all: 3, encoded: 2 },
    model: { name: "nano", parameters: 10, sha256: "00" },
    neighbours: [{ query: { name: '"<x>', png }, nearest: [{ name: "b", png, cosine: 0.98 }] }],
    maps: [{ name: "<i>", panels: [{ name: "HR", png }] }],
    globe: { grid: 2, prototypes: 3, attention: [], visits: undefined },
    settings: { steps: "3" },
    failures: [{ id: "<f>", reason: "it is empty" }],
    notes: [],
  };
  const page = pretrainReport(report);
  expect(page).not.toMatch(/<b>|<i>|<x>|<f>|a&b/);
  expect(page).toContain("0.980");
  expect(page).toContain("1 place could not be read.");
  expect(page).toContain("No place has a location.");
  expect(page).not.toMatch(/undefined|NaN|\bsrc="http/);
});

import { expect, test } from "vitest";
import { lineChart, roundTicks } from "./chart.ts";
import { formatBytes, formatCount, formatLocation, formatNumber, formatSeconds } from "./format.ts";

test("formatNumber: four digits, thousands apart, real minus signs", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [12_480, "12\u202f480"],
    [1_234_567, "1\u202f234\u202f567"],
    [1234.5678, "1\u202f235"],
    [-0.0042134, "−0.004213"],
    [3.2e-7, "3.20e−7"],
    [-5e12, "−5.00e12"],
    [Number.NaN, "–"],
    [Number.NEGATIVE_INFINITY, "−∞"],
  ];
  for (const [value, text] of cases) expect(formatNumber(value)).toBe(text);
});

test("formatBytes, formatSeconds, formatLocation, formatCount", () => {
  expect([0, 840, 1000, 12_400_000, 3e15].map(formatBytes)).toEqual(["0 B", "840 B", "1 kB", "12.4 MB", "3000 TB"]);
  expect([0, 0.0042, 9.94, 9.96, 59.6, 245, 7620].map(formatSeconds)).toEqual([
    "0 s",
    "0.0042 s",
    "9.9 s",
    "10 s",
    "1 min 00 s",
    "4 min 05 s",
    "2 h 07 min",
  ]);
  expect(formatLocation({ longitude: -4.5, latitude: 51.2346 })).toBe("51.235° N, 4.500° W");
  expect([formatCount(1, "date"), formatCount(1204, "date")]).toEqual(["1 date", "1\u202f204 dates"]);
});

test("roundTicks: cover the range with four to eight round numbers", () => {
  expect(roundTicks([0, 1])).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(roundTicks([-3, 17])).toEqual([-5, 0, 5, 10, 15, 20]);
  expect(roundTicks([5, 5])).toContain(5);
  for (let i = 0; i < 200; i++) {
    const low = (i - 100) * 1.37 ** (i % 20);
    const high = low + 3.7 ** ((i % 17) - 8);
    const ticks = roundTicks([low, high]);
    expect(ticks[0]).toBeLessThanOrEqual(low);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(high);
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.length).toBeLessThanOrEqual(8);
  }
});

test("lineChart: a missing value interrupts its line, and none at all says so", () => {
  const points = [
    [0, 1],
    [1, Number.NaN],
    [2, 3],
    [3, 1],
  ] as const;
  const { markup } = lineChart({ lines: [{ name: "loss <a>", points }], x: "step", y: "loss" });
  expect(markup).toContain('d="M0.00 100.00M66.67 0.00L100.00 100.00"');
  expect(markup).toContain("loss &lt;a&gt;");
  expect(lineChart({ lines: [], x: "step", y: "loss" }).markup).toContain("No values.");
});

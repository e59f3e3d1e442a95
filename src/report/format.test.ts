import { expect, test } from "vitest";
import { lineChart, roundTicks } from "./chart.ts";
import {
  formatBytes,
  formatCount,
  formatDates,
  formatDegrees,
  formatDistance,
  formatLocation,
  formatNumber,
  formatSeconds,
} from "./format.ts";

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
  expect(formatLocation({ longitude: -4.5, latitude: 51.2346 })).toBe("51.2346° N, 4.5000° W");
  expect([formatCount(1, "date"), formatCount(1204, "date")]).toEqual(["1 date", "1\u202f204 dates"]);
});

test("formatDistance, formatDegrees: a place of 60 m is not a point, and 40,000 km not a row of digits", () => {
  expect([0.20009, 9.4314, 60, 2240, 40_075_000].map(formatDistance)).toEqual([
    ...["0.2 m", "9.43 m", "60 m", "2.24 km", "40\u202f100 km"],
  ]);
  expect(formatDegrees(9.95801, 9.95889)).toBe("9.95801° to 9.95889°");
  expect(formatDegrees(-180, 180)).toBe("−180.0° to 180.0°");
  expect(formatDegrees(-4.5, -4.5)).toBe("−4.5° to −4.5°");
});

test("formatDates: say how many there are and how many are known", () => {
  const dates = [["2023-05-17"], ["2023-05-17", undefined], [undefined], [undefined, undefined]];
  expect(dates.map(formatDates)).toEqual(["1 date", "1 of 2 dates", "date unknown", "2 dates, unknown"]);
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

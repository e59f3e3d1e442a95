import { expect, test } from "vitest";
import { presets } from "../model/presets.ts";
import { commonPeriod } from "./prepare.ts";
import { chooseWindows } from "./windows.ts";

function scene(...counts: [sensor: "hr" | "s2" | "s1", dates: number][]) {
  return {
    sensors: counts.map(([sensor, dates]) => ({ sensor, dates: Array.from({ length: dates }, () => undefined) })),
  } as unknown as Parameters<typeof chooseWindows>[0];
}

test("chooseWindows: 16 cells with HR, 32 without, fewer for long series, a quarter of them shared", () => {
  expect(chooseWindows(scene(["hr", 1]), { period: 2 })).toMatchObject({
    window: 16,
    overlap: 4,
    tile: 16,
    batch: 4,
  });
  expect(chooseWindows(scene(["s2", 1]), { period: 2 })).toMatchObject({
    window: 32,
    overlap: 8,
    tile: 32,
    batch: 1,
  });
  expect(chooseWindows(scene(["s2", 100], ["s1", 100]), { period: 2 })).toMatchObject({ window: 16, batch: 1 });
});

test("chooseWindows: neighbours share more cells than asked for rather than start out of step", () => {
  expect(chooseWindows(scene(["hr", 1]), { window: 16, overlap: 3, period: 2 }).overlap).toBe(4);
  expect(chooseWindows(scene(["hr", 1]), { window: 16, overlap: 0, period: 2 }).overlap).toBe(0);
  expect(chooseWindows(scene(["hr", 1]), { period: commonPeriod(presets.huge, ["hr"]) })).toMatchObject({
    window: 16,
    overlap: 8,
  });
});

test.each([
  [{ window: 5 }, "a window of 5 cells is no multiple of the model's 2"],
  [{ window: 8, overlap: 5 }, "an overlap of 5 cells is more than half of the window of 8"],
  [{ window: 0 }, "window must be a whole number of cells, not 0"],
  [{ overlap: -1 }, "overlap must be a whole number of cells, not -1"],
  [{ tile: 1.5 }, "tile must be a whole number of cells, not 1.5"],
])("chooseWindows: %j is refused with the remedy", (options, what) => {
  expect(() => chooseWindows(scene(["hr", 1]), { ...options, period: 2 })).toThrow(
    `${what}. Choose another --window or --overlap.`,
  );
});

test("commonPeriod: a cell holds 32 HR pixels and one Sentinel pixel; nano repeats every 2, huge every 8", () => {
  expect(commonPeriod(presets.nano, ["hr"])).toBe(2);
  expect(commonPeriod(presets.nano, ["s2", "s1"])).toBe(2);
  expect(commonPeriod(presets.huge, ["s2"])).toBe(4);
  expect(commonPeriod(presets.huge, ["hr", "s2", "s1"])).toBe(8);
});

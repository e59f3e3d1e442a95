import { expect, test } from "vitest";
import { monitorNames, monitorRanges, rangesFor, watch } from "./watch.ts";

const sound = { "monitor.hr.entropy": 0.6, "monitor.hr.deviation": 0.8, "monitor.hr.balance": 0.9, loss: 3 };

test("watch: a run within its ranges goes on, and so does one that leaves them for a moment", () => {
  const look = watch({ from: 0, patience: 3 });
  for (let step = 0; step < 30; step++) {
    const off = step % 3 === 0 ? {} : { "monitor.hr.entropy": 0.01 };
    expect(() => look(step, { ...sound, ...off })).not.toThrow();
  }
});

test("watch: a collapse that lasts stops the run with what was seen and what to change", () => {
  const look = watch({ from: 100, patience: 3 });
  const collapsed = { ...sound, "monitor.hr.deviation": 0.1 };
  for (let step = 0; step < 100; step += 10) look(step, collapsed);
  look(100, collapsed);
  look(110, collapsed);
  expect(() => look(120, collapsed)).toThrow(
    "the run has collapsed at step 120: all features point the same way (hr); the deviation of the features is 0.1, " +
      "and 0.3 or more is sound, for 3 reports in a row. Start again with a third of the learning rate, or with the " +
      "teacher's assignments balanced by Sinkhorn.",
  );
});

test("watch: a teacher that tells nothing apart, and one that is not a number, are collapses as well", () => {
  const stopped = (metrics: Record<string, number>) => () => watch({ from: 0, patience: 1 })(1, metrics);
  expect(stopped({ "monitor.fused.entropy": 0.999 })).toThrow(expect.objectContaining({ code: "COLLAPSED" }));
  expect(stopped({ "monitor.fused.entropy": 0.999 })).toThrow("a lower teacher temperature (0.02)");
  expect(stopped({ "monitor.s2.deviation": Number.NaN })).toThrow("(s2)");
  expect(stopped({ "monitor.s2.agreement": 1, "monitor.s2.unknown": 0, entropy: 0 })).not.toThrow();
});

test("watch: few prototypes in use are a collapse under Sinkhorn–Knopp, with a centred teacher only nearly none", () => {
  const at = (used: number, balance: "sinkhorn" | "centre") => () =>
    watch({ from: 0, patience: 1, ranges: rangesFor(balance) })(1, { "monitor.hr.used": used });
  expect(at(0.08, "sinkhorn")).toThrow("nearly all prototypes are dead");
  expect(at(0.08, "centre")).not.toThrow();
  expect(at(0.015, "centre")).toThrow("0.02 or more is sound");
});

test("watch: every healthy range lies within its alarms", () => {
  for (const name of monitorNames) {
    const { healthy, alarm } = monitorRanges[name];
    expect(healthy[0]).toBeGreaterThan(alarm.below?.limit ?? -1);
    expect(healthy[1]).toBeLessThan(alarm.above?.limit ?? 1.01);
  }
});

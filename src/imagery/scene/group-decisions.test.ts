import { expect, test } from "vitest";
import { decisionLine, groupDecisions } from "./group-decisions.ts";
import type { Decision } from "./scene.ts";

const of = (file: string, what: string, from = "file name"): Decision => ({
  sensor: "s2",
  file: `in/${file}`,
  what,
  from,
});

test("groupDecisions: one line for what was found of many files, and each file's where they differ", () => {
  const decisions = [
    of("a.tif", "date 2020-01-03"),
    of("a.tif", "units dB*100", "option s1"),
    of("b.tif", "date 2020-01-15"),
    of("b.tif", "units dB*100", "option s1"),
    of("b.tif", "0.3 % of the file lies outside the scene"),
    { what: "a cell is one of 6 × 6", from: "pixels of 10 m" },
  ];
  const groups = groupDecisions(decisions);
  expect(groups.map(decisionLine)).toEqual([
    "date 2020-01-03, … ← file name (2 files)",
    "units dB*100 ← option s1 (2 files)",
    "0.3 % of the file lies outside the scene ← file name (b.tif)",
    "a cell is one of 6 × 6 ← pixels of 10 m",
  ]);
  expect(groups[0]!.each).toEqual([decisions[0], decisions[2]]);
  expect(groups[1]!.each).toEqual([]);
});

test("groupDecisions: the same of two sensors stays two findings", () => {
  const s1: Decision = { ...of("s1.tif", "date unknown", "option s1"), sensor: "s1" };
  expect(groupDecisions([of("s2.tif", "date unknown", "nothing says it"), s1]).map(decisionLine)).toEqual([
    "date unknown ← nothing says it (s2.tif)",
    "date unknown ← option s1 (s1.tif)",
  ]);
});

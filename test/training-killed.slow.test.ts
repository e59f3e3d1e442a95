import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { killRepeatedly, outcomeOf, runToEnd } from "./support/killed-training.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-killed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("train: 24 kills at random moments, no unreadable checkpoint, and the same bits at the end", async () => {
  const steps = 240;
  await runToEnd(join(folder, "whole"), steps);
  const out = join(folder, "killed");
  const { kills } = await killRepeatedly(out, { kills: 24, steps, seed: 3 });
  expect(kills).toBeGreaterThanOrEqual(20);
  await runToEnd(out, steps);
  expect(outcomeOf(out)).toEqual(outcomeOf(join(folder, "whole")));
});

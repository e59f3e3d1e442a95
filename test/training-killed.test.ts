import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { child, killRepeatedly, outcomeOf, runToEnd } from "./support/killed-training.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-killed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const steps = 24;
// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

beforeAll(() => runToEnd(join(folder, "whole"), steps));

test("train: a run killed at random moments ends with the same bits as one that was not", async () => {
  const out = join(folder, "killed");
  await killRepeatedly(out, { kills: 2, steps, seed: 1 });
  await runToEnd(out, steps);
  expect(outcomeOf(out)).toEqual(outcomeOf(join(folder, "whole")));
});

test("train: an interrupted run writes a checkpoint of its last step and ends at once", async () => {
  const out = join(folder, "interrupted");
  const { code, lastStep, stderr } = await killRepeatedly(out, { kills: 1, steps, seed: 2, signal: "SIGINT" });
  expect({ code, stderr }).toEqual({ code: 130, stderr: "interrupted\n" });
  expect(outcomeOf(out).checkpoint).toBe(lastStep);
  await runToEnd(out, steps);
  expect(outcomeOf(out)).toEqual(outcomeOf(join(folder, "whole")));
});

test.skipIf(process.platform === "win32")("train: a full disk is named, and nothing is lost", async () => {
  const out = join(folder, "full");
  // A limit on the size of files stands for a disk without room: checkpoints have 200 KiB a file.
  const limited = 'trap "" XFSZ; ulimit -f 100; exec "$0" "$@"';
  const { status, stderr } = spawnSync("bash", ["-c", limited, process.execPath, child, out, String(steps)]);
  expect(stderr.toString()).toBe(
    `the file grew larger than this disk allows (${out}/checkpoints/step-00000003). Write to another disk.\n`,
  );
  expect(status).toBe(2);
  expect(readdirSync(join(out, "checkpoints"))).toEqual([]);
  await runToEnd(out, steps);
  expect(outcomeOf(out)).toEqual(outcomeOf(join(folder, "whole")));
});

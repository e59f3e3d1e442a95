import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom } from "../../src/core/random.ts";
import { parseSafetensors } from "../../src/core/safetensors.ts";

/** The program that trains. */
export const child = fileURLToPath(new URL("train-child.mjs", import.meta.url));

function start(out: string, steps: number) {
  const process_: ChildProcess = spawn(process.execPath, [child, out, String(steps)], { stdio: "pipe" });
  const state = { stderr: "", lastStep: 0 };
  process_.stderr!.on("data", (data) => {
    state.stderr += data;
  });
  const firstStep = new Promise<void>((resolve) => {
    process_.stdout!.on("data", (data) => {
      state.lastStep = Number(String(data).trim().split("\n").at(-1));
      resolve();
    });
    process_.once("exit", () => resolve());
  });
  const ended = new Promise<number | null>((resolve) => process_.once("close", (code) => resolve(code)));
  return { process: process_, state, firstStep, ended };
}

/** Train to the end, from wherever the run is. */
export async function runToEnd(out: string, steps: number): Promise<void> {
  const { ended, state } = start(out, steps);
  const code = await ended;
  if (code !== 0) throw new Error(`the training ended with ${code}: ${state.stderr}`);
}

/**
 * Kill the run at random moments after its first step, each time going on with it; after each kill all checkpoints
 * must be readable. A run that reaches its end before its time begins again from its last checkpoint and ends at once.
 */
export async function killRepeatedly(
  out: string,
  options: { kills: number; steps: number; seed: number; signal?: NodeJS.Signals },
): Promise<{ kills: number; code: number | null; lastStep: number; stderr: string }> {
  const random = createRandom(options.seed);
  let kills = 0;
  for (let round = 0; ; round++) {
    const run = start(out, options.steps);
    await run.firstStep;
    // Steps and checkpoints take milliseconds: most kills hit one of them.
    await new Promise((resolve) => setTimeout(resolve, random.uniform() * 120));
    if (run.process.exitCode === null && run.process.kill(options.signal ?? "SIGKILL")) kills++;
    const code = await run.ended;
    requireReadable(out);
    if (kills === options.kills || round === 2 * options.kills) return { kills, code, ...run.state };
  }
}

function checkpointsIn(out: string): string[] {
  const folder = join(out, "checkpoints");
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.startsWith("step-"));
  return names.sort().map((name) => join(folder, name));
}

function requireReadable(out: string): void {
  for (const checkpoint of checkpointsIn(out)) {
    JSON.parse(readFileSync(join(checkpoint, "state.json"), "utf8"));
    for (const role of ["model", "first", "second", "averages"]) {
      parseSafetensors(readFileSync(join(checkpoint, `${role}.safetensors`)), { file: checkpoint });
    }
  }
}

/** All that a run leaves, but for times and speeds. */
export function outcomeOf(out: string) {
  const last = checkpointsIn(out).at(-1)!;
  const hash = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return {
    checkpoint: Number(last.slice(-8)),
    files: readdirSync(last)
      .filter((name) => name.endsWith(".safetensors"))
      .map((name) => [name, hash(join(last, name))]),
    model: existsSync(join(out, "model.safetensors")) && hash(join(out, "model.safetensors")),
    metrics: lines.map((line) => {
      const { samplesPerSecond: _, waitShare: __, ...rest } = JSON.parse(line);
      return rest;
    }),
    others: readdirSync(out).sort(),
  };
}

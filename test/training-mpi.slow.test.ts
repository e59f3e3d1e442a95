import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseSafetensors, toFloat32 } from "../src/core/safetensors.ts";
import { main, temporaryFolderOfFile } from "./support/cli.ts";
import { mpiIsThere, startMpirun } from "./support/mpirun.ts";

/** `train()` under `mpirun` against one process with the same batches. */

const { folder, remove } = temporaryFolderOfFile();
afterAll(remove);
const program = fileURLToPath(new URL("support/train-ranks.mjs", import.meta.url));
const steps = 30;
const jobs = ["separate", "coupled"] as const;

function alone(job: string, out: string): void {
  const { status, stderr } = spawnSync(process.execPath, [program, job, out, `${steps}`], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
}

const under = (ranks: number, job: string, out: string, count = steps) =>
  startMpirun(ranks, [program, job, out, `${count}`]);

function weightsOf(out: string): Map<string, Float32Array> {
  const file = parseSafetensors(readFileSync(`${out}/model.safetensors`), { file: out });
  return new Map([...file.tensors].map(([name, tensor]) => [name, toFloat32(tensor)]));
}

const metricsOf = (out: string): Record<string, number>[] =>
  readFileSync(`${out}/metrics.jsonl`, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** ‖a − b‖ / ‖b‖ over all parameters. */
function distance(a: string, b: string): number {
  let [error, total] = [0, 0];
  const [left, right] = [weightsOf(a), weightsOf(b)];
  expect([...left.keys()]).toEqual([...right.keys()]);
  for (const [name, values] of right) {
    for (const [i, value] of values.entries()) {
      error += (left.get(name)![i]! - value) ** 2;
      total += value ** 2;
    }
  }
  return Math.sqrt(error / total);
}

describe.skipIf(!mpiIsThere)("train under mpirun", () => {
  beforeAll(() => {
    for (const job of jobs) alone(job, `${folder}/${job}`);
  });

  test.each(jobs.flatMap((job) => [2, 4].map((ranks) => [job, ranks] as const)))(
    "a %s loss on %i ranks: losses, norms and weights of one process up to rounding",
    async (job, ranks) => {
      const out = `${folder}/${job}-${ranks}`;
      const { code, stderr } = await under(ranks, job, out).finished;
      expect(code, stderr).toBe(0);
      expect(distance(out, `${folder}/${job}`)).toBeLessThan(1e-6);
      const whole = metricsOf(`${folder}/${job}`);
      expect(whole[0]!.loss).toBeGreaterThan(1.1 * whole.at(-1)!.loss!); // there was something to learn
      for (const [i, line] of metricsOf(out).entries()) {
        expect(line.samples).toBe(16);
        for (const name of ["loss", "gradientNorm", "updateNorm", "parameterNorm"]) {
          const [ours, theirs] = [line[name]!, whole[i]![name]!];
          expect(Math.abs(ours - theirs), `${name} of step ${i + 1}`).toBeLessThanOrEqual(2e-5 * theirs);
        }
      }
    },
  );

  test.each(jobs)(
    "a %s loss, one rank killed: a clear error, a readable checkpoint, and the same command ends as if nothing was",
    async (job) => {
      const out = `${folder}/${job}-killed`;
      const many = 200; // it does not get to its end before it is killed
      const { child, finished } = under(2, job, out, many);
      let [text, killed] = ["", false];
      child.stdout!.on("data", (part) => {
        text += part;
        const [, pid] = /rank 1 pid (\d+)/.exec(text) ?? [];
        if (killed || pid === undefined || !/step 7\b/.test(text)) return;
        killed = true;
        process.kill(Number(pid), "SIGKILL");
      });
      const { code, stderr } = await finished;
      expect(killed).toBe(true);
      expect(code).not.toBe(0);
      // Of mpirun; the survivor says why it ends, too, unless it was in the middle of adding up.
      expect(stderr).toMatch(/rank 1 .*signal 9/s);
      expect(existsSync(`${out}/model.safetensors`)).toBe(false);
      const checkpoints = readdirSync(`${out}/checkpoints`).filter((name) => name.startsWith("step-"));
      expect(checkpoints.length).toBeGreaterThan(0);
      for (const name of checkpoints) {
        parseSafetensors(readFileSync(`${out}/checkpoints/${name}/model.safetensors`), { file: name });
      }

      expect((await under(2, job, out, many).finished).code).toBe(0);
      const whole = `${folder}/${job}-unharmed`;
      expect((await under(2, job, whole, many).finished).code).toBe(0);
      const model = (path: string) => readFileSync(`${path}/model.safetensors`);
      expect(model(out).equals(model(whole))).toBe(true);
    },
  );

  test("skysense finetune on 2 ranks, drop path and augmentation included: one process up to rounding", async () => {
    const data = `${folder}/scenes`;
    for (const [k, colour] of ["Blue", "Red"].entries()) {
      mkdirSync(`${data}/${colour}`, { recursive: true });
      for (let i = 0; i < 8; i++) {
        const pixels = Uint8Array.from(
          { length: 3 * 64 * 64 },
          (_, p) => ((p % 3 === 2 * k ? 90 : 40) + p * (i + 3)) % 200,
        );
        const image = sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } });
        await image.png().toFile(`${data}/${colour}/${i}.png`);
      }
    }
    const command = (out: string) => [
      ...[main, "finetune", "classification", "--data", data, "--out", out, "--train-ratio", "0.5"],
      ...["--model", "tiny", "--size", "64", "--batch-size", "4", "--epochs", "3", "--drop-path", "0.5"],
    ];
    const [one, two] = [`${folder}/finetune-1`, `${folder}/finetune-2`];
    const alone = spawnSync(process.execPath, command(one), { encoding: "utf8" });
    expect(alone.status, alone.stderr).toBe(0);
    const { code, stdout, stderr } = await startMpirun(2, command(two)).finished;
    expect(code, stderr).toBe(0);
    expect(stdout.match(/report\.html/g)).toHaveLength(1); // rank 0 alone reports
    // AdamW divides by the size of each gradient, so that rounding errors of small ones count as much as large ones.
    expect(distance(two, one)).toBeLessThan(1e-3);
    const losses = (out: string) => metricsOf(out).map(({ loss }) => loss!);
    for (const [i, loss] of losses(two).entries()) expect(loss / losses(one)[i]!).toBeCloseTo(1, 3);
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseSafetensors, toFloat32 } from "../src/core/safetensors.ts";
import { cli, main, temporaryFolderOfFile } from "./support/cli.ts";
import { mpiIsThere, startMpirun } from "./support/mpirun.ts";
import { squaresPicture, writePicture, writeSquares } from "./support/task-sets.ts";

/** Fine-tuning, judging and predicting under `mpirun` against one process. */

const { folder, remove } = temporaryFolderOfFile();
afterAll(remove);
const at = (name: string) => `${folder}/${name}`;

const weightsOf = (out: string) => {
  const file = parseSafetensors(readFileSync(`${out}/model.safetensors`), { file: out });
  return new Map([...file.tensors].map(([name, tensor]) => [name, toFloat32(tensor)]));
};

function distance(a: string, b: string): number {
  let [error, total] = [0, 0];
  const other = weightsOf(a);
  for (const [name, values] of weightsOf(b)) {
    for (const [i, value] of values.entries()) {
      error += (other.get(name)![i]! - value) ** 2;
      total += value ** 2;
    }
  }
  return Math.sqrt(error / total);
}

const metricsOf = (out: string): Record<string, number>[] =>
  readFileSync(`${out}/metrics.jsonl`, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe.skipIf(!mpiIsThere)("tasks under mpirun", () => {
  let sets: Awaited<ReturnType<typeof writeSquares>>;
  beforeAll(async () => {
    sets = await writeSquares(folder);
  });

  test.each(["segmentation", "detection", "change", "timeseries"] as const)(
    "finetune %s on 2 ranks: losses and weights of one process up to rounding, batch norms and samples included",
    async (task) => {
      const command = (out: string) => ["finetune", ...sets[task], "--steps", "5", "--lr", "0.002", "--out", out];
      const alone = await cli(...command(at(task)));
      expect(alone.code, alone.stderr).toBe(0);
      const out = at(`${task}-2`);
      const { code, stdout, stderr } = await startMpirun(2, [main, ...command(out)]).finished;
      expect(code, stderr).toBe(0);
      expect(stdout.match(/report\.html/g)).toHaveLength(1);
      const [one, two] = [metricsOf(at(task)), metricsOf(out)];
      expect(two.map(({ samples }) => samples)).toEqual(one.map(() => 4));
      for (const [i, { loss, gradientNorm }] of two.entries()) {
        expect(loss! / one[i]!.loss!).toBeCloseTo(1, 3);
        expect(gradientNorm! / one[i]!.gradientNorm!).toBeCloseTo(1, 2);
      }
      // AdamW divides by the size of each gradient, so that rounding errors of small ones count as much as large ones.
      expect(distance(out, at(task))).toBeLessThan(2e-3);
    },
  );

  test("predict segmentation on 2 ranks: the bytes of one process", async () => {
    await writePicture(at("scene.png"), squaresPicture(50, [300, 260]));
    const command = (out: string) => [
      ...["predict", "segmentation", at("scene.png"), "--model", `${at("segmentation")}/model.safetensors`],
      ...["--window", "64", "--out", out],
    ];
    expect((await cli(...command(at("map")))).code).toBe(0);
    const { code, stderr } = await startMpirun(2, [main, ...command(at("map-2"))]).finished;
    expect(code, stderr).toBe(0);
    expect(readdirSync(at("map-2"))).toEqual(readdirSync(at("map")));
    for (const name of ["classes.tif", "confidence.tif", "polygons.geojson"]) {
      expect(readFileSync(`${at("map-2")}/${name}`).equals(readFileSync(`${at("map")}/${name}`)), name).toBe(true);
    }
  });

  test("predict and evaluate detection on 2 ranks: one of them works, and says so", async () => {
    const model = ["--model", `${at("detection")}/model.safetensors`];
    const predict = ["predict", "detection", at("scene.png"), ...model, "--out", at("objects")];
    const evaluate = ["evaluate", "detection", "--data", sets.paths.boxes, ...model, "--out", at("judged")];
    for (const command of [predict, evaluate]) {
      const { code, stdout, stderr } = await startMpirun(2, [main, ...command]).finished;
      expect(code, stderr).toBe(0);
      expect(stderr.match(/note: this command runs on one process; the others have ended/g)).toHaveLength(1);
      expect(stdout.match(/report\.html|objects\/scene\.geojson/g)).toHaveLength(1);
    }
  });
});

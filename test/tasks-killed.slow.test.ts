import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cli, startCli, temporaryFolderOfFile } from "./support/cli.ts";
import { outcomeOf } from "./support/killed-training.ts";
import { squaresPicture, writePicture, writeSquares } from "./support/task-sets.ts";

/** Tasks that are killed by SIGKILL and started again: what they would have written. */

const { folder, remove } = temporaryFolderOfFile();
afterAll(remove);
const at = (name: string) => `${folder}/${name}`;
const child = fileURLToPath(new URL("support/finetune-child.mjs", import.meta.url));
let sets: Awaited<ReturnType<typeof writeSquares>>;
beforeAll(async () => {
  sets = await writeSquares(folder);
});

const dataOf = { segmentation: "masks", detection: "boxes", change: "pairs", timeseries: "places" } as const;
const tasks = ["segmentation", "detection", "change", "timeseries"] as const;

/** Run to the end, or until a step has been done. */
function finetune(task: (typeof tasks)[number], out: string, { killAfter }: { killAfter?: number } = {}) {
  const data = sets.paths[dataOf[task]];
  const run = spawn(process.execPath, [child, task, data, sets.paths.classes, out], { stdio: "pipe" });
  let errors = "";
  run.stderr.on("data", (text) => {
    errors += text;
  });
  run.stdout.on("data", (text) => {
    if (killAfter !== undefined && Number(String(text).trim().split("\n").at(-1)) >= killAfter) run.kill("SIGKILL");
  });
  return new Promise<NodeJS.Signals | null>((resolve, reject) =>
    run.once("close", (code, signal) =>
      code === 0 || signal === "SIGKILL" ? resolve(signal) : reject(new Error(errors)),
    ),
  );
}

test.each(tasks)("finetune %s: killed twice, it ends with the same bits as a run that was not", async (task) => {
  await finetune(task, at(`${task}-whole`));
  const out = at(`${task}-killed`);
  for (const killAfter of [3, 7]) expect(await finetune(task, out, { killAfter })).toBe("SIGKILL");
  expect(existsSync(`${out}/model.safetensors`)).toBe(false);
  expect(await finetune(task, out)).toBe(null);
  expect(outcomeOf(out)).toEqual(outcomeOf(at(`${task}-whole`)));
});

test("predict segmentation: killed among windows and killed while writing, it ends with the same bytes", async () => {
  await writePicture(at("scene.png"), squaresPicture(50, [700, 620]));
  const command = (out: string) => [
    ...["predict", "segmentation", at("scene.png"), "--model", `${at("segmentation-whole")}/model.safetensors`],
    ...["--window", "64", "--out", out],
  ];
  const whole = await cli(...command(at("map")));
  expect(whole.code, whole.stderr).toBe(0);

  const out = at("map-killed");
  const work = `${out}/.skysense-segment`;
  const journal = `${work}/journal.json`;
  const rows = () => (existsSync(journal) ? JSON.parse(readFileSync(journal, "utf8")).windowRows : 0);
  for (const moment of [() => rows() >= 3, () => existsSync(`${work}/confidence.raw`)]) {
    const { child: run, finished } = startCli(command(out));
    while (run.exitCode === null && !moment()) await sleep(2);
    run.kill("SIGKILL");
    expect((await finished).signal).toBe("SIGKILL");
  }
  const again = await cli(...command(out));
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toMatch(/^went on from row [1-9]\d* of an interrupted run$/m);
  expect(readdirSync(out).sort()).toEqual(readdirSync(at("map")).sort());
  for (const name of ["classes.tif", "classes.qml", "confidence.tif", "polygons.geojson", "preview.png"]) {
    expect(readFileSync(`${out}/${name}`).equals(readFileSync(`${at("map")}/${name}`)), name).toBe(true);
  }
});

import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { writeRandomModel } from "../src/embed/load-model.node.ts";
import { cli, main, temporaryFolderOfFile } from "./support/cli.ts";
import { fractal, toBytes } from "./support/images.ts";

/** `skysense finetune classification` and `predict classification` from end to end, and whatever comes in. */

const { folder, remove } = temporaryFolderOfFile();
afterAll(remove);
const at = (...names: string[]) => [folder, ...names].join("/");

/** Pictures that are red, green or blue on the whole. */
const colours = ["Blue", "Green", "Red"];
const tints: Record<string, readonly number[]> = { Red: [150, 60, 50], Green: [60, 140, 60], Blue: [50, 70, 150] };

async function picture(path: string, tint: readonly number[], { side = 48, seed = 0, channels = 3 } = {}) {
  const noise = toBytes(fractal({ bands: 1, height: side, width: side }, { mean: 128, spread: 40, seed }));
  const data = Uint8Array.from({ length: side * side * channels }, (_, i) =>
    Math.max(0, Math.min(255, (tint[i % channels] ?? 255) + (noise[Math.floor(i / channels)]! - 128) / 2)),
  );
  await sharp(data, { raw: { width: side, height: side, channels: channels as 3 } })
    .png()
    .toFile(path);
}

async function folderPerClass(name: string, { each = 12 } = {}): Promise<string> {
  for (const colour of colours) {
    mkdirSync(at(name, colour), { recursive: true });
    for (let i = 0; i < each; i++) await picture(at(name, colour, `${i}.png`), tints[colour]!, { seed: i });
  }
  return at(name);
}

const small = ["--model", "tiny", "--size", "64", "--batch-size", "8"];
const finetune = (data: string, out: string, ...more: string[]) =>
  cli("finetune", "classification", "--data", data, "--out", out, ...small, ...more);
const learn = ["--train-ratio", "0.5", "--epochs", "10", "--lr", "0.003"];

const resultsOf = (out: string): Record<string, unknown>[] => JSON.parse(readFileSync(`${out}/results.json`, "utf8"));
const modelOf = (out: string) => readFileSync(`${out}/model.safetensors`);

let scenes: string;
beforeAll(async () => {
  scenes = await folderPerClass("scenes");
});

describe("one class an image", () => {
  test("finetune and predict: colours are told apart, and an interrupted run ends the same", async () => {
    const out = at("plain");
    const { code, stdout, stderr } = await finetune(scenes, out, ...learn);
    expect(code, stderr).toBe(0);
    expect(readdirSync(out).sort()).toEqual(
      ["checkpoints", "metrics.jsonl", "model.safetensors", "report.html", "results.json", "results.md"].sort(),
    );
    const [oa, ...others] = resultsOf(out);
    expect(oa).toMatchObject({ metric: "OA", protocol: "fine-tuned full", train: 18, n: 18, seed: 0, classes: 3 });
    expect(oa!.value).toBeGreaterThan(0.9);
    expect(others.map(({ metric }) => metric)).toEqual(["AA", "mF1", "kappa"]);
    expect(stdout).toContain("tiny, random weights, hr");
    const log = readFileSync(`${out}/metrics.jsonl`, "utf8").trimEnd().split("\n");
    expect(log).toHaveLength(Math.ceil((18 * 10) / 8));

    // The run as it was before its last checkpoint and its end, taken up again.
    const again = at("again");
    cpSync(out, again, { recursive: true });
    rmSync(`${again}/model.safetensors`);
    expect((await finetune(scenes, again, ...learn)).code).toBe(0);
    expect(modelOf(again).equals(modelOf(out))).toBe(true);

    const asked = colours.map((colour) => `${scenes}/${colour}/3.png`);
    const said = await cli("predict", "classification", ...asked, "--model", `${out}/model.safetensors`, "--json");
    expect(said.code, said.stderr).toBe(0);
    const answers: { image: string; classes: { name: string; probability: number }[] }[] = JSON.parse(said.stdout);
    expect(answers.map(({ image }) => image)).toEqual(asked);
    expect(answers.map(({ classes }) => classes[0]!.name)).toEqual(colours);
    expect(answers[0]!.classes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  });

  test("finetune --seeds: a run each, and mean and deviation in table and report", async () => {
    const out = at("seeds");
    const { code, stdout, stderr } = await finetune(scenes, out, ...learn.with(3, "2"), "--seeds", "0,1,2");
    expect(code, stderr).toBe(0);
    const rows = resultsOf(out).filter(({ metric }) => metric === "OA");
    expect(rows.map(({ seed }) => seed)).toEqual([0, 1, 2]);
    expect(new Set(rows.map(({ run }) => run)).size).toBe(3);
    expect(stdout).toMatch(/\| all +\| 18 +\| 18 +\| [\d.]+ ± [\d.]+ /);
    expect(readFileSync(`${out}/report.html`, "utf8")).toContain("standard deviation of 3 seeds");
    for (const seed of [0, 1, 2]) expect(existsSync(`${out}/seed-${seed}/model.safetensors`)).toBe(true);
    expect(modelOf(`${out}/seed-0`).equals(modelOf(`${out}/seed-1`))).toBe(false);
    // The same command again computes nothing new and adds nothing.
    expect((await finetune(scenes, out, ...learn.with(3, "2"), "--seeds", "0,1,2")).code).toBe(0);
    expect(resultsOf(out)).toHaveLength(12);
  });

  test("finetune --mode linear leaves the encoder as it was, and full trains all of it", async () => {
    await writeRandomModel("tiny", at("start.safetensors"));
    const bytesOf = (file: Buffer) =>
      new Map(
        [...parseSafetensors(file).tensors].map(([name, { data }]) => [
          name,
          Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex"),
        ]),
      );
    const trained: Record<string, Map<string, string>> = {};
    for (const mode of ["linear", "full"]) {
      const out = at(`mode-${mode}`);
      const run = await finetune(scenes, out, ...learn.with(3, "1"), "--mode", mode, "--layer-decay", "0.9");
      expect(run.code, run.stderr).toBe(0);
      trained[mode] = bytesOf(modelOf(out));
    }
    const { linear, full } = trained;
    const encoder = [...bytesOf(readFileSync(at("start.safetensors")))].filter(([name]) => linear!.has(name));
    expect(encoder.length).toBe(linear!.size - 2);
    for (const [name, start] of encoder) {
      expect(linear!.get(name), name).toBe(start);
      // Norms of outputs that a classifier does not use have no influence.
      if (!/^backbone_hr\.norm[012]\./.test(name)) expect(full!.get(name), name).not.toBe(start);
    }
  });
});

test("several classes an image, from an index.csv: binary cross-entropy, mean average precision, F1", async () => {
  const data = at("several");
  mkdirSync(data);
  const lines = ["file,labels,split"];
  for (let i = 0; i < 48; i++) {
    const own = colours.filter((_, k) => (i >> k) % 2 === 1);
    const tint = [0, 1, 2].map((c) => 60 + own.reduce((sum, name) => sum + tints[name]![c]! / 2.2, 0));
    await picture(`${data}/${i}.png`, tint, { seed: i });
    lines.push(`${i}.png,${own.join(";")},${i < 32 ? "train" : "val"}`);
  }
  writeFileSync(`${data}/index.csv`, lines.join("\n"));
  const out = at("several-run");
  const { code, stderr } = await finetune(data, out, "--epochs", "15", "--lr", "0.003");
  expect(code, stderr).toBe(0);
  const [micro, macro] = resultsOf(out);
  expect(micro).toMatchObject({ metric: "mAP micro", train: 32, n: 16, classes: 3 });
  expect(macro).toMatchObject({ metric: "mAP macro" });
  expect(macro!.value).toBeGreaterThan(0.75); // by chance about 0.5
  const report = readFileSync(`${out}/report.html`, "utf8");
  for (const text of ["Average precision", "F1 at 0.5", "mAP over classes"]) expect(report).toContain(text);
  expect(report).not.toContain("Confusion");
  const images = [`${data}/7.png`, `${data}/8.png`];
  const said = await cli("predict", "classification", ...images, "--model", `${out}/model.safetensors`, "--json");
  const sums = JSON.parse(said.stdout).map(({ classes }: { classes: { probability: number }[] }) =>
    classes.reduce((sum, { probability }) => sum + probability, 0),
  );
  expect(sums[0]).toBeGreaterThan(sums[1] + 0.5); // all three against none
});

/** Exit code 2 and one sentence with a remedy. */
async function refused(run: ReturnType<typeof cli>): Promise<string> {
  const { code, stdout, stderr } = await run;
  const [last, ...before] = stderr.trimEnd().split("\n").reverse();
  expect(last).toMatch(/^skysense: .+\. [A-Z].+\.$/);
  expect(before.filter((line) => !/^(train|classify) /.test(line))).toEqual([]);
  expect(stdout).toBe("");
  expect(code).toBe(2);
  return last!;
}

describe("bad input", () => {
  test("a class with one image is named", async () => {
    const data = await folderPerClass("lonely", { each: 3 });
    mkdirSync(`${data}/Grey`);
    copyFileSync(`${data}/Red/0.png`, `${data}/Grey/0.png`);
    expect(await refused(finetune(data, at("lonely-run"), "--train-ratio", "0.5"))).toMatch(
      /1 of the 1 items of Grey are to be learnt from and at least one judged, but 1 can be \(.*lonely\)/,
    );
    expect(existsSync(at("lonely-run"))).toBe(false);
  });

  test("a set that does not say what is judged needs a ratio", async () => {
    expect(await refused(finetune(scenes, at("no-split")))).toMatch(/--train-ratio 0\.5/);
  });

  test("few unreadable images are skipped, counted and named; more than 5 % stop the run", async () => {
    const data = at("cut");
    cpSync(scenes, data, { recursive: true });
    // 30 to learn from and 6 to judge.
    const items = colours.flatMap((colour) =>
      Array.from({ length: 12 }, (_, i) => `${colour}/${i}.png,${colour},${i < 10 ? "train" : "val"}`),
    );
    writeFileSync(`${data}/index.csv`, ["file,label,split", ...items].join("\n"));
    const whole = readFileSync(`${data}/Red/0.png`);
    writeFileSync(`${data}/Red/5.png`, whole.subarray(0, 300));
    const run = ["--epochs", "1", "--mode", "linear"];
    const { code, stderr } = await finetune(data, at("cut-run"), ...run);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^warning: Red\/5\.png was left out: .+\nwarning: 1 of 36 images was left out$/m);
    expect(readFileSync(`${at("cut-run")}/report.html`, "utf8")).toContain("One image could not be used.");
    writeFileSync(`${data}/Blue/2.png`, "no picture");
    const stopped = await refused(finetune(data, at("cut-stopped"), ...run));
    expect(stopped).toMatch(/^skysense: 2 of 30 samples cannot be used, more than 5 % \(.*Red\/5\.png: /);
    expect(stopped).toContain("Repair or remove these files.");
  });

  test("images of several sizes, with transparency and without colour go together", async () => {
    const data = at("mixed");
    cpSync(scenes, data, { recursive: true });
    await picture(`${data}/Red/0.png`, tints.Red!, { side: 31 });
    await picture(`${data}/Red/1.png`, tints.Red!, { side: 200 });
    await picture(`${data}/Red/2.png`, [...tints.Red!, 255], { channels: 4 });
    await picture(`${data}/Blue/0.png`, [120], { channels: 1 });
    const { code, stderr } = await finetune(data, at("mixed-run"), ...learn.with(3, "1"), "--mode", "linear");
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain("left out");
  });

  test("a checkpoint of another run, a file that is no classifier, an image that is none", async () => {
    const out = at("plain");
    expect(await refused(finetune(scenes, out, ...learn, "--weight-decay", "0.1"))).toMatch(
      /^skysense: the checkpoint is of another run: .*weightDecay is 0\.05 there, and 0\.1 in this run \(.*step-/,
    );
    expect(await refused(finetune(scenes, out, ...learn, "--size", "96"))).toMatch(/size is 64 there, and 96/);
    expect(await refused(finetune(scenes, out, ...learn, "--size", "32"))).toMatch(/Choose a larger --size\.$/);
    const checkpoint = readdirSync(`${out}/checkpoints`)[0]!;
    const moments = `${out}/checkpoints/${checkpoint}/first.safetensors`;
    const model = `${out}/model.safetensors`;
    const predict = (file: string, image: string) =>
      refused(cli("predict", "classification", image, "--model", file));
    expect(await predict(moments, `${scenes}/Red/1.png`)).toMatch(
      /the file is not a classifier \(.*first\.safetensors\)/,
    );
    expect(await predict(`${scenes}/Red/1.png`, `${scenes}/Red/1.png`)).toMatch(/1\.png/);
    expect(await predict(at("none.safetensors"), `${scenes}/Red/1.png`)).toMatch(/none\.safetensors/);
    expect(await predict(model, at("none.png"))).toMatch(/none\.png/);
    expect(await refused(finetune(scenes, at("from-classifier"), ...learn, "--model", model))).toMatch(
      /model\.safetensors/,
    );
  });

  test("an unfinished checkpoint is passed over, a damaged one is named", async () => {
    const out = at("unfinished");
    cpSync(at("plain"), out, { recursive: true });
    rmSync(`${out}/model.safetensors`);
    mkdirSync(`${out}/checkpoints/.part-1-abcd`);
    writeFileSync(`${out}/checkpoints/.part-1-abcd/model.safetensors`, "half");
    expect((await finetune(scenes, out, ...learn)).code).toBe(0);
    expect(modelOf(out).equals(modelOf(at("plain")))).toBe(true);
    const [checkpoint] = readdirSync(`${out}/checkpoints`);
    writeFileSync(`${out}/checkpoints/${checkpoint}/state.json`, "{");
    expect(await refused(finetune(scenes, out, ...learn))).toMatch(/state\.json\)\. Remove this checkpoint's folder/);
  });

  test.skipIf(process.platform === "win32")("a full disk is named, and the run goes on where there is room", () => {
    const out = at("full");
    const args = [main, "finetune", "classification", "--data", scenes, "--out", out, ...small, ...learn];
    // A limit on the size of files stands for a disk without room.
    const limited = 'trap "" XFSZ; ulimit -f 100; exec "$0" "$@"';
    const { status, stderr } = spawnSync("bash", ["-c", limited, process.execPath, ...args], { encoding: "utf8" });
    expect(stderr).toMatch(
      /^skysense: the file grew larger than this disk allows \(.*\)\. Write to another disk\.$/m,
    );
    expect(status).toBe(2);
    expect(existsSync(`${out}/model.safetensors`)).toBe(false);
    const again = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(again.status, again.stderr).toBe(0);
    expect(modelOf(out).equals(modelOf(at("plain")))).toBe(true);
  });
});

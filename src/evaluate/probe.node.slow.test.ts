import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { type ProbeOptions, probe } from "./probe.node.ts";
import type { ProbeResult } from "./results.ts";

const data = process.env.SKYSENSE_DATA ?? "";
if (data === "") console.log("SKYSENSE_DATA is not set: the probe on AID is skipped");

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "skysense-probe-"));
  await makeSet(join(root, "set"), 10, 1);
  await makeSet(join(root, "other"), 4, 2);
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Stripes along one axis or the other, and fields of two colours: a mean tells the fields, only a filter the stripes. */
const classes = {
  FieldDark: () => 60,
  FieldLight: () => 150,
  StripesAcross: (_: number, y: number) => (y % 4 < 2 ? 40 : 200),
  StripesDown: (x: number) => (x % 4 < 2 ? 40 : 200),
} as const;

async function makeSet(path: string, each: number, seed: number): Promise<void> {
  const random = createRandom(seed);
  for (const [name, value] of Object.entries(classes)) {
    await mkdir(join(path, name), { recursive: true });
    for (let i = 0; i < each; i++) {
      const [width, height] = [60 + random.integer(10), 64];
      const pixels = Uint8Array.from({ length: 3 * width * height }, (_, at) => {
        const pixel = Math.floor(at / 3);
        return value(pixel % width, Math.floor(pixel / width)) + 12 * random.normal();
      });
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(join(path, name, `${i}.png`));
    }
  }
}

const options = (name: string): ProbeOptions => ({
  data: join(root, "set"),
  trainRatio: 0.5,
  model: "tiny",
  out: join(root, name, "results.json"),
});

const scoreOf = (results: readonly ProbeResult[], features: string, protocol: string, metric = "OA") =>
  results.find((row) => row.features === features && row.protocol === protocol && row.metric === metric)!.value;

test("probe: what each kind of features can and cannot tell apart, with floors, intervals and counts", async () => {
  const { results, files } = await probe(options("first"));
  expect(JSON.parse(await readFile(files.out, "utf8"))).toEqual(results);
  expect(results).toHaveLength(3 * 2 * 4);
  for (const protocol of ["knn", "linear"]) {
    // Both stripes have the same mean, spread and extremes.
    expect(scoreOf(results, "ImageStats", protocol)).toBeLessThan(0.9);
    expect(scoreOf(results, "ImageStats", protocol)).toBeGreaterThan(0.5);
    expect(scoreOf(results, "RCF", protocol)).toBe(1);
    expect(scoreOf(results, "tiny, random weights, fused", protocol)).toBeGreaterThan(0.5);
  }
  for (const row of results) {
    expect(row).toMatchObject({ n: 20, train: 20, classes: 4, seed: 0, dataset: "set" });
    expect(row.low).toBeLessThanOrEqual(row.value);
    expect(row.high).toBeGreaterThanOrEqual(row.low);
    expect(row.imagesPerSecond).toBeGreaterThan(0);
  }
  expect(await readFile(files.table, "utf8")).toContain("| ImageStats ");
});

test("probe: interrupted and called again, the results are those of one call", async () => {
  const { results } = await probe(options("whole"));
  const interrupt = new AbortController();
  const onProgress = ({ phase, done }: { phase: string; done: number }) => {
    if (phase.startsWith("tiny") && done >= 32) interrupt.abort(new Error("interrupted"));
  };
  await expect(probe({ ...options("parts"), signal: interrupt.signal, onProgress })).rejects.toThrow("interrupted");
  const phases: string[] = [];
  const again = await probe({ ...options("parts"), onProgress: ({ phase }) => phases.push(phase) });
  expect([...new Set(phases)]).toEqual(["tiny, random weights, fused"]);
  const numbers = (rows: readonly ProbeResult[]) => rows.map(({ value, low, high, run }) => [value, low, high, run]);
  expect(numbers(again.results)).toEqual(numbers(results));
  phases.length = 0;
  await probe({ ...options("parts"), onProgress: ({ phase }) => phases.push(phase) });
  expect(phases).toEqual([]);
});

test("probe: two folders, one encoder's features, a size and several seeds", async () => {
  const two = { train: join(root, "set"), test: join(root, "other") };
  const { results } = await probe({
    data: two,
    model: "tiny",
    features: "hr",
    size: 32,
    seeds: [0, 1],
    protocols: ["knn"],
    out: join(root, "two/results.json"),
    table: join(root, "two/table.csv"),
  });
  expect(results.map(({ n, train }) => [n, train])).toEqual(new Array(3 * 2 * 4).fill([16, 40]));
  expect(new Set(results.map(({ features, seed }) => `${features} ${seed}`)).size).toBe(6);
  expect((await readFile(join(root, "two/table.csv"), "utf8")).split("\n")).toHaveLength(26);
});

test("probe: labels of which an image may have several are judged by mean average precision", async () => {
  const path = join(root, "labels");
  await makeSet(path, 10, 3);
  const labelsOf = {
    FieldDark: [],
    FieldLight: ["light"],
    StripesAcross: ["striped"],
    StripesDown: ["striped", "light"],
  };
  const items = (Object.keys(classes) as (keyof typeof classes)[]).flatMap((name) =>
    Array.from({ length: 10 }, (_, i) => ({
      file: `${name}/${i}.png`,
      labels: labelsOf[name],
    })),
  );
  await writeFile(join(path, "index.json"), JSON.stringify({ items }));
  const { results } = await probe({ ...options("labels"), data: path });
  expect(new Set(results.map(({ metric }) => metric))).toEqual(new Set(["mAP micro", "mAP macro"]));
  expect(scoreOf(results, "RCF", "linear", "mAP macro")).toBeGreaterThan(0.9);
});

test("probe: a sensor that the images do not have ends the call with the reason", async () => {
  await expect(probe({ ...options("s2"), features: "s2" })).rejects.toThrow(
    "features of s2 are asked for, but the place has hr",
  );
});

describe("skysense probe", () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ["dist/cli/main.node.js", "probe", ...args]).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code: code as number, stdout: stdout as string, stderr: stderr as string }),
    );

  test("prints an aligned table and the files", async () => {
    const out = join(root, "cli/results.json");
    const set = ["--data", join(root, "set"), "--train-ratio", "0.5", "--model", "tiny", "--out", out];
    const { code, stdout } = await run(...set, "--protocol", "knn");
    expect(code).toBe(0);
    const lines = stdout.split("\n");
    expect(new Set(lines.filter((line) => line.startsWith("|")).map(({ length }) => length)).size).toBe(1);
    expect(stdout).toContain(out);
    expect((await stat(out)).isFile()).toBe(true);
    expect((JSON.parse(await readFile(out, "utf8")) as ProbeResult[])[0]!.command).toContain("skysense probe --data");
  });

  test("wrong options and data sets end with exit code 2 and a sentence", async () => {
    const cases: [string[], string][] = [
      [[], "give either --data, or --train and --test"],
      [["--train", "a"], "give either --data, or --train and --test"],
      [["--data", "nowhere"], "the folder does not exist (nowhere). Give the folder of a data set."],
      [["--data", join(root, "set")], "the set does not say which items are learnt from"],
      [["--data", join(root, "set"), "--train-ratio", "20"], "This is not a share between 0 and 1, like 0.2."],
      [["--data", join(root, "set"), "--protocol", "svm"], "Choose from knn, linear."],
      [["--data", join(root, "set"), "--seed", "x"], 'Write whole numbers from 0 on, like "0,1,2".'],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await run(...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });
});

describe.skipIf(data === "")("AID", () => {
  test("probe: four kinds of scenes are told apart better than by chance, by every kind of features", async () => {
    const path = join(root, "aid");
    await mkdir(path);
    for (const name of ["Beach", "Forest", "Parking", "Farmland"])
      await symlink(join(data, "aid", name), join(path, name));
    const { results } = await probe({ ...options("aid-results"), data: path, trainRatio: 0.3 });
    for (const row of results.filter(({ metric }) => metric === "OA")) expect(row.low).toBeGreaterThan(0.35);
  });
});

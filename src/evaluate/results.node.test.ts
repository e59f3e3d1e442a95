import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addResults, readResults } from "./result-file.node.ts";
import { csvTable, markdownTable, type ProbeResult } from "./results.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "skysense-results-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function row(value: number, more: Partial<ProbeResult> = {}): ProbeResult {
  return {
    dataset: "AID",
    features: "RCF",
    protocol: "knn",
    metric: "OA",
    value,
    low: value - 0.1,
    high: value + 0.1,
    n: 210,
    train: 810,
    classes: 30,
    seed: 0,
    dimensions: 1024,
    parameters: 0,
    imagesPerSecond: 12.3456,
    command: "skysense probe",
    run: `${value}`,
    ...more,
  };
}

test("markdownTable: a line a run, and one for several seeds together", () => {
  const results = [
    row(0.2),
    row(0.15, { metric: "AA", run: "0.2" }),
    row(0.3, { seed: 1 }),
    row(0.5, { features: "nano", parameters: 8.9e6, imagesPerSecond: null }),
  ];
  expect(
    markdownTable(results)
      .split("\n")
      .map((line) => line.replaceAll(/ +/g, " ")),
  ).toEqual([
    "| data set | features | protocol | seed | train | test | OA | AA | size | parameters | images/s |",
    expect.stringMatching(/^\|[-|]+\|$/),
    "| AID | RCF | knn | 0 | 810 | 210 | 20.0 (10.0–30.0) | 15.0 (5.0–25.0) | 1024 | 0 | 12 |",
    "| AID | RCF | knn | 1 | 810 | 210 | 30.0 (20.0–40.0) | | 1024 | 0 | 12 |",
    "| AID | RCF | knn | all | 810 | 210 | 25.0 ± 7.1 | 15.0 ± NaN | 1024 | 0 | 12 |",
    "| AID | nano | knn | 0 | 810 | 210 | 50.0 (40.0–60.0) | | 1024 | 8.9 M | |",
    "",
  ]);
});

test("csvTable: every field a column, with quotes where needed", () => {
  const [head, line] = csvTable([row(0.5, { dataset: 'A "b", c', C: 0.1 })]).split("\n");
  expect(head).toContain("dataset,features,protocol,metric,value,low,high,n,");
  expect(line!.startsWith('"A ""b"", c",RCF,knn,OA,0.5,0.4,0.6,210,')).toBe(true);
});

test("addResults: rows are added, a run that is there is replaced, and the table follows", async () => {
  const files = { out: join(root, "a/results.json"), table: join(root, "a/results.csv") };
  expect(await readResults(files.out)).toEqual([]);
  await addResults([row(0.2), row(0.3)], files);
  await addResults([row(0.4), { ...row(0.2), n: 9 }], files);
  expect((await readResults(files.out)).map(({ value, n }) => [value, n])).toEqual([
    [0.3, 210],
    [0.4, 210],
    [0.2, 9],
  ]);
  expect((await readFile(files.table, "utf8")).split("\n")).toHaveLength(5);
});

test("addResults: ten writers at once lose nothing", async () => {
  const files = { out: join(root, "b/results.json"), table: join(root, "b/results.md") };
  await Promise.all(Array.from({ length: 10 }, (_, i) => addResults([row(i / 10)], files)));
  expect(await readResults(files.out)).toHaveLength(10);
});

test("addResults: a lock that a killed process left is taken over", async () => {
  const files = { out: join(root, "c/results.json"), table: join(root, "c/results.md") };
  const lock = `${files.out}.lock`;
  await mkdir(lock, { recursive: true });
  const old = new Date(Date.now() - 60_000);
  await utimes(lock, old, old);
  await addResults([row(0.2)], files);
  expect(await readResults(files.out)).toHaveLength(1);
});

test("readResults: another file is named and left alone", async () => {
  const out = join(root, "other.json");
  await writeFile(out, '{"mine": true}');
  await expect(addResults([row(0.2)], { out, table: join(root, "other.md") })).rejects.toThrow(
    `this file holds something else than results of probes (${out}). Choose another file by --out.`,
  );
  expect(await readFile(out, "utf8")).toBe('{"mine": true}');
});

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type StoredTensor, serialiseSafetensors } from "../core/safetensors.ts";
import { openWeights } from "./weights.node.ts";
import { weightsFromTensors } from "./weights.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tensors = new Map<string, StoredTensor>([
  ["weight", { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  ["half", { dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) }],
]);
const file = join(folder, "model.safetensors");
writeFileSync(file, serialiseSafetensors(tensors, { format: "pt" }));

test("openWeights: the table has names, dtypes, shapes, metadata and the numbers", () => {
  const weights = openWeights(file);
  expect(weights.metadata).toEqual({ format: "pt" });
  expect([...weights.entries.keys()]).toEqual(["weight", "half"]);
  expect(weights.get("weight")).toEqual(tensors.get("weight"));
  expect(weights.float32("half")).toEqual(Float32Array.of(1, -2));
  weights.close();
});

test("openWeights: float32 is a view, half precision is widened once", () => {
  const weights = openWeights(file);
  expect(weights.float32("weight").buffer).toBe(weights.get("weight").data.buffer);
  expect(weights.float32("half")).toBe(weights.float32("half"));
  weights.close();
});

test("openWeights: after close nothing more is handed out, and old views still read the file", () => {
  const weights = openWeights(file);
  const view = weights.float32("weight");
  weights.close();
  expect([...view]).toEqual([1, 2, 3, 4]);
  expect(() => weights.float32("weight")).toThrow(/^internal: .*model\.safetensors was closed/);
});

test("openWeights: SHA-256 is that of the file", async () => {
  const expected = createHash("sha256").update(readFileSync(file)).digest("hex");
  expect(await openWeights(file).sha256()).toBe(expected);
  expect(await weightsFromTensors(tensors, { metadata: { format: "pt" } }).sha256()).toBe(expected);
});

test("openWeights: a file that is not there or is a folder is named", () => {
  const missing = join(folder, "none.safetensors");
  expect(() => openWeights(missing)).toThrow(`(${missing}). Check the path and its permissions.`);
  expect(() => openWeights(folder)).toThrow(`this is a folder, not a file (${folder}). Check`);
});

test("openWeights: a truncated file is refused before anything is mapped", () => {
  const cut = join(folder, "cut.safetensors");
  writeFileSync(cut, readFileSync(file));
  truncateSync(cut, readFileSync(file).length - 1);
  expect(() => openWeights(cut)).toThrow(/describes \d+ bytes, the file has \d+ \(.*cut\.safetensors\)/);
});

test("openWeights: an empty table and empty tensors are fine", () => {
  const empty = join(folder, "empty.safetensors");
  writeFileSync(empty, serialiseSafetensors([]));
  expect(openWeights(empty).entries.size).toBe(0);
  writeFileSync(empty, serialiseSafetensors([["none", { dtype: "F32", shape: [0, 3], data: new Float32Array() }]]));
  expect(openWeights(empty).float32("none")).toEqual(new Float32Array());
});

test.skipIf(process.platform !== "linux")("openWeights: a large file is mapped, not read", () => {
  const large = join(folder, "large.safetensors");
  const header = '{"a":{"dtype":"F32","shape":[16777216],"data_offsets":[0,67108864]}}'.padEnd(72);
  writeFileSync(large, Buffer.concat([Buffer.of(72, 0, 0, 0, 0, 0, 0, 0), Buffer.from(header)]));
  truncateSync(large, 80 + 2 ** 26); // 64 MiB of zeros that take no room on the disk
  const before = process.memoryUsage().rss;
  const weights = openWeights(large);
  expect(weights.float32("a").length).toBe(2 ** 24);
  expect(process.memoryUsage().rss - before).toBeLessThan(8 * 2 ** 20);
  expect(readFileSync("/proc/self/maps", "utf8")).toContain(large);
  weights.close();
});

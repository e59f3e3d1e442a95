import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openWeights } from "./weights.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(process.platform !== "linux")("openWeights: tensors beyond 4 GiB are where the header says", () => {
  // Three tensors of 3 GiB in a file full of holes; the last value of each is its number.
  const elements = 3 * 2 ** 28;
  const bytes = elements * 4;
  const entries = [1, 2, 3].map((i) => [
    `t${i}`,
    { dtype: "F32", shape: [elements], data_offsets: [(i - 1) * bytes, i * bytes] },
  ]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)).padEnd(256));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(256n);
  const file = join(folder, "large.safetensors");
  const fd = openSync(file, "w");
  writeSync(fd, Buffer.concat([length, header]));
  ftruncateSync(fd, 264 + 3 * bytes);
  for (const i of [1, 2, 3]) writeSync(fd, new Uint8Array(Float32Array.of(i).buffer), 0, 4, 264 + i * bytes - 4);
  closeSync(fd);

  const before = process.memoryUsage().rss;
  const start = performance.now();
  const weights = openWeights(file);
  expect(performance.now() - start).toBeLessThan(500);
  for (const i of [1, 2, 3]) {
    const values = weights.float32(`t${i}`);
    expect([values.length, values[0], values.at(-1)]).toEqual([elements, 0, i]);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(32 * 2 ** 20);
  weights.close();
});

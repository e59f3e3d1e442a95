import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { collectGarbage } from "../../test/support/collect-garbage.ts";
import { createRandom } from "../core/random.ts";
import { serialiseSafetensors } from "../core/safetensors.ts";
import { toOnnx } from "../graph/onnx.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { input, parameter } from "../graph/tensor.ts";
import { createRuntime } from "./runtime.node.ts";
import { openWeights } from "./weights.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** y = x · weight, with 4 MiB of weights in a file. */
const width = 1024;
const file = join(folder, "weights.safetensors");
const random = createRandom(1);
const data = Float32Array.from({ length: width * width }, random.normal);
writeFileSync(file, serialiseSafetensors([["weight", { dtype: "F32", shape: [width, width], data }]]));
const graph = toOnnx({ y: matMul(input("x", [16, width]), parameter("weight", [width, width])) });
const feeds = { x: { data: data.slice(0, 16 * width), shape: [16, width] } };

test.each([false, true])(
  "runtime: a thousand sessions loaded, run and freed leave resident memory flat, constant weights: %s",
  { timeout: 300_000 },
  async (constantWeights) => {
    const runtime = createRuntime({ threads: 2 });
    const mebibytes: number[] = [];
    for (let cycle = 0; cycle < 1000; cycle++) {
      const weights = openWeights(file);
      const session = await runtime.compile(graph, { device: "cpu", weights, constantWeights });
      await session.run(feeds);
      await session.release();
      weights.close();
      if (cycle % 100 !== 99) continue;
      collectGarbage();
      mebibytes.push(process.memoryUsage().rss / 2 ** 20);
    }
    await runtime.release();
    const growth = Math.max(...mebibytes.slice(5)) - Math.max(...mebibytes.slice(0, 5));
    console.log(`resident MiB after every hundred: ${mebibytes.map((mib) => mib.toFixed(0)).join(" ")}`);
    expect(growth).toBeLessThan(10); // five hundred leaks of the weights would be 2000
  },
);

test("runtime: forty threads started and ended leave resident memory flat", { timeout: 300_000 }, async () => {
  const weights = openWeights(file);
  const mebibytes: number[] = [];
  for (let cycle = 0; cycle < 40; cycle++) {
    const runtime = createRuntime({ threads: 2 });
    const session = await runtime.compile(graph, { device: "cpu", weights });
    await session.run(feeds);
    await runtime.release();
    if (cycle % 4 === 3) mebibytes.push(process.memoryUsage().rss / 2 ** 20);
  }
  console.log(`resident MiB after every four: ${mebibytes.map((mib) => mib.toFixed(0)).join(" ")}`);
  const growth = Math.max(...mebibytes.slice(5)) - Math.max(...mebibytes.slice(0, 5));
  expect(growth).toBeLessThan(40); // twenty leaks of the weights would be 80
});

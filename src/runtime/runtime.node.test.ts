import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { type StoredTensor, serialiseSafetensors } from "../core/safetensors.ts";
import { modulePath } from "../core/worker.node.ts";
import { toOnnx } from "../graph/onnx.ts";
import { add } from "../graph/ops/add.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { sum } from "../graph/ops/reduce.ts";
import { batchDim } from "../graph/shape.ts";
import { constant, input, parameter } from "../graph/tensor.ts";
import { gemmGraph } from "./gemm-graph.ts";
import { createRuntime } from "./runtime.node.ts";
import type { HostTensor } from "./session.ts";
import { openWeights } from "./weights.node.ts";
import { weightsFromTensors } from "./weights.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-"));
afterAll(() => rmSync(folder, { recursive: true }));

const runtime = createRuntime({ threads: 2 });
afterAll(() => runtime.release());

/** y = x · weight + bias, for any batch. */
const linear = () => {
  const x = input("x", [batchDim(), 2]);
  return toOnnx({ y: add(matMul(x, parameter("weight", [2, 3])), parameter("bias", [3])) });
};
const tensors = new Map<string, StoredTensor>([
  ["weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ["bias", { dtype: "F16", shape: [3], data: Uint16Array.of(0x3c00, 0x4000, 0xbc00) }], // 1, 2, -1
]);
const weights = weightsFromTensors(tensors);
const x: HostTensor = { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] };
/** Rows of the weight plus the bias. */
const y = { data: Float32Array.of(2, 4, 2, 5, 7, 5), shape: [2, 3] };

/** Products that keep two threads busy for some 10 ms. */
const busy = gemmGraph([{ m: 256, k: 1024, n: 1024, count: 4 }]);

describe("session.run", () => {
  test.each([false, true])("computes with weights in memory, constant: %s", async (constantWeights) => {
    const session = await runtime.compile(linear(), { device: "cpu", weights, constantWeights });
    expect(await session.run({ x })).toEqual({ y });
  });

  test.each([false, true])("computes with weights in a file, constant: %s", async (constantWeights) => {
    const file = join(folder, "linear.safetensors");
    writeFileSync(file, serialiseSafetensors(tensors));
    const table = openWeights(file);
    const session = await runtime.compile(linear(), { device: "cpu", weights: table, constantWeights });
    expect(await session.run({ x })).toEqual({ y });
  });

  test("takes parameters as feeds where no weights were given", async () => {
    const session = await runtime.compile(linear(), { device: "cpu" });
    const weight = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
    expect(await session.run({ x, weight, bias: { data: Float32Array.of(1, 2, -1), shape: [3] } })).toEqual({ y });
  });

  test("serves every batch size, and views and shared memory as feeds, which stay the caller's", async () => {
    const session = await runtime.compile(linear(), { device: "cpu", weights });
    const view = Float32Array.of(9, 9, 0, 1, 9).subarray(2, 4);
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared[0] = 1;
    expect((await session.run({ x: { data: view, shape: [1, 2] } })).y!.data).toEqual(Float32Array.of(5, 7, 5));
    expect((await session.run({ x: { data: shared, shape: [1, 2] } })).y!.data).toEqual(Float32Array.of(2, 4, 2));
    expect([...view]).toEqual([0, 1]);
    expect(await session.run({ x: { data: new Float32Array(), shape: [0, 2] } })).toEqual({
      y: { data: new Float32Array(), shape: [0, 3] },
    });
  });

  test("answers a queue of runs, each with its own result", async () => {
    const session = await runtime.compile(linear(), { device: "cpu", weights });
    const data = Float32Array.of(0, 0);
    const runs = Array.from({ length: 20 }, (_, i) => {
      data[0] = i; // reused at once: a run has its own copy
      return session.run({ x: { data, shape: [1, 2] } });
    });
    const firsts = (await Promise.all(runs)).map(({ y }) => y!.data[0]);
    expect(firsts).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  test("leaves the event loop free while it computes", async () => {
    const session = await runtime.compile(busy.graph, { device: "cpu", weights: busy.weights });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await Promise.all([session.run(busy.feeds), session.run(busy.feeds)]);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  test("names what is wrong with a feed", async () => {
    const session = await runtime.compile(linear(), { device: "cpu", weights });
    const run = (feeds: Record<string, HostTensor>) => session.run(feeds);
    await expect(run({})).rejects.toThrow('internal: the graph needs "x", fed: nothing');
    await expect(run({ x, z: x })).rejects.toThrow('internal: the graph has no input "z"');
    await expect(run({ x: { data: x.data, shape: [4, 1] } })).rejects.toThrow(
      'internal: "x" must be float32 [batch,2], got Float32Array [4,1]',
    );
    await expect(run({ x: { data: new Uint8Array(4), shape: [2, 2] } })).rejects.toThrow("got Uint8Array [2,2]");
    await expect(run({ x: { data: x.data, shape: [3, 2] } })).rejects.toThrow("[3,2] with 4 values");
  });
});

test.each([false, true])(
  "session.run: too large a batch is told as too little memory, and the session goes on; output too large: %s",
  async (outputTooLarge) => {
    // [batch, 1] + [1, 1 000 000]: 400 GB for a batch of 100 000.
    const wide = add(input("x", [batchDim(), 1]), constant(new Float32Array(1e6), [1, 1e6]));
    const y = outputTooLarge ? wide : sum(wide, { axes: [1] });
    const session = await runtime.compile(toOnnx({ y }), { device: "cpu" });
    await expect(session.run({ x: { data: new Float32Array(1e5), shape: [1e5, 1] } })).rejects.toThrow(
      "there is not enough memory on the device cpu. Use a smaller batch, smaller tiles or a smaller model.",
    );
    expect((await session.run({ x: { data: Float32Array.of(0), shape: [1, 1] } })).y!.data[0]).toBe(0);
  },
);

describe("abort", () => {
  test("a run whose signal has fired does not begin", async () => {
    const session = await runtime.compile(linear(), { device: "cpu", weights });
    const reason = new Error("enough");
    await expect(session.run({ x }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("queued runs are taken out, the session goes on", async () => {
    const session = await runtime.compile(busy.graph, { device: "cpu", weights: busy.weights });
    const timeOf = async (runs: () => Promise<unknown>) => {
      const start = performance.now();
      await runs();
      return performance.now() - start;
    };
    const queue = (count: number, signal?: AbortSignal) =>
      Array.from({ length: count }, () => session.run(busy.feeds, { signal }));
    await session.run(busy.feeds);
    const abort = new AbortController();
    const abortedMs = await timeOf(async () => {
      const runs = queue(40, abort.signal);
      abort.abort();
      for (const run of await Promise.allSettled(runs)) expect(run).toMatchObject({ reason: { name: "AbortError" } });
      await session.run(busy.feeds); // waits for what the thread still computes
    });
    expect(abortedMs).toBeLessThan(await timeOf(() => Promise.all(queue(20))));
  });
});

describe("compile", () => {
  test("an equal graph gets the session that exists; what was released is made again", async () => {
    const first = await runtime.compile(linear(), { device: "cpu", weights });
    const second = await runtime.compile(linear(), { device: "cpu", weights });
    await first.release();
    expect(await second.run({ x })).toEqual({ y });
    await runtime.release();
    expect(await first.run({ x })).toEqual({ y });
  });

  test("keeps only so many sessions, and an evicted one still runs", async () => {
    const small = createRuntime({ threads: 1, maxSessions: 2 });
    const sessions = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        small.compile(toOnnx({ y: add(input("x", [n]), input("x2", [n])) }), { device: "cpu" }),
      ),
    );
    for (const [i, session] of sessions.entries()) {
      const x = { data: new Float32Array(i + 1).fill(1), shape: [i + 1] };
      expect((await session.run({ x, x2: x })).y!.data[i]).toBe(2);
    }
    await small.release();
  });

  test("weights that lack a tensor, or have it in another shape, are named with their file", async () => {
    const lacking = weightsFromTensors(new Map([["weight", tensors.get("weight")!]]), { name: "some.safetensors" });
    await expect(runtime.compile(linear(), { device: "cpu", weights: lacking })).rejects.toThrow(
      "1 of 2 weights are missing: bias (some.safetensors). Use weights of this architecture",
    );
    const other = new Map(tensors).set("bias", { dtype: "F32", shape: [1], data: Float32Array.of(1) });
    const wrong = weightsFromTensors(other, { name: "some.safetensors" });
    await expect(runtime.compile(linear(), { device: "cpu", weights: wrong })).rejects.toThrow(
      '"bias" has the shape [1], the model needs [3] (some.safetensors).',
    );
  });

  test("a device that is not there says what to install", async () => {
    await expect(runtime.compile(linear(), { device: "cuda", weights })).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      remedy: expect.stringMatching(/Install CUDA 12 .* or choose the device cpu/),
    });
  });

  test("a graph that ONNX Runtime refuses is our bug, and the runtime goes on", async () => {
    const broken = { ...linear(), bytes: Uint8Array.of(1, 2, 3) };
    await expect(runtime.compile(broken, { device: "cpu", weights })).rejects.toThrow(
      /^internal: ONNX Runtime on cpu/,
    );
    const session = await runtime.compile(linear(), { device: "cpu", weights });
    expect(await session.run({ x })).toEqual({ y });
  });
});

test("runtime: fifty sessions made, run and freed leave no memory behind", async () => {
  const file = join(folder, "cycle.safetensors");
  const data = new Float32Array(2 ** 18).fill(1); // 1 MiB
  writeFileSync(file, serialiseSafetensors([["weight", { dtype: "F32", shape: [512, 512], data }]]));
  const graph = toOnnx({ y: matMul(input("x", [64, 512]), parameter("weight", [512, 512])) });
  const feed = { x: { data: new Float32Array(64 * 512), shape: [64, 512] } };
  const cycle = async () => {
    const weights = openWeights(file);
    const session = await runtime.compile(graph, { device: "cpu", weights });
    await session.run(feed);
    await session.release();
    weights.close();
  };
  for (let i = 0; i < 15; i++) await cycle();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 50; i++) await cycle();
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(25); // 50 leaked files would be 50 MiB
});

describe("the process", () => {
  const run = (script: string) =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { timeout: 20_000 });
  const url = (module: `./${string}.ts`) => JSON.stringify(`file://${modulePath(import.meta.url, module)}`);
  const program = (end: string) => `
    import { createRuntime } from ${url("./runtime.node.ts")};
    import { gemmGraph } from ${url("./gemm-graph.ts")};
    const { graph, weights, feeds } = gemmGraph([{ m: 8, k: 8, n: 8 }]);
    const runtime = createRuntime({ threads: 2 });
    const session = await runtime.compile(graph, { device: "cpu", weights });
    const { c0 } = await session.run(feeds);
    console.log(c0.shape.join("x"));
    ${end}`;

  test("ends by itself when everything was released", async () => {
    expect((await run(program("await runtime.release();"))).stdout).toBe("1x1x8\n");
  });

  test("ends by itself when nothing was released", async () => {
    expect((await run(program(""))).stdout).toBe("1x1x8\n");
  });

  test("stays until a run that was begun is answered", async () => {
    expect((await run(program("session.run(feeds).then(() => console.log('done'));"))).stdout).toBe("1x1x8\ndone\n");
  });
});

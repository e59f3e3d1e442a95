import * as ort from "onnxruntime-web";
import { afterAll, expect, test } from "vitest";
import type { StoredTensor } from "../core/safetensors.ts";
import { toOnnx } from "../graph/onnx.ts";
import { add } from "../graph/ops/add.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { batchDim } from "../graph/shape.ts";
import { input, parameter } from "../graph/tensor.ts";
import { createWebRuntime } from "./runtime.web.ts";
import { weightsFromTensors } from "./weights.ts";

/* WebAssembly runs in Node too; what only a browser has (WebGPU, threads) is not tested here. */

ort.env.wasm.numThreads = 1;
const runtime = createWebRuntime({ ort });
afterAll(() => runtime.release());

const graph = toOnnx({
  y: add(matMul(input("x", [batchDim(), 2]), parameter("weight", [2, 3])), parameter("bias", [3])),
});
const weights = weightsFromTensors(
  new Map<string, StoredTensor>([
    ["weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    ["bias", { dtype: "F16", shape: [3], data: Uint16Array.of(0x3c00, 0x4000, 0xbc00) }], // 1, 2, -1
  ]),
);
const x = { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] };

test.each([false, true])("createWebRuntime: WebAssembly computes, constant weights: %s", async (constantWeights) => {
  const session = await runtime.compile(graph, { device: "cpu", weights, constantWeights });
  const runs = await Promise.all([session.run({ x }), session.run({ x })]);
  const y = { data: Float32Array.of(2, 4, 2, 5, 7, 5), shape: [2, 3] };
  expect(runs).toEqual([{ y }, { y }]);
  await session.release();
  expect(await session.run({ x })).toEqual({ y });
});

test("onnxruntime-web: an output array given beforehand stays unfilled, which is why none is", async () => {
  const session = await ort.InferenceSession.create(toOnnx({ y: add(input("x", [2]), input("x2", [2])) }).bytes, {
    executionProviders: ["wasm"],
  });
  const data = new Float32Array(2);
  const one = new ort.Tensor("float32", Float32Array.of(1, 1), [2]);
  await session.run({ x: one, x2: one }, { y: new ort.Tensor("float32", data, [2]) });
  expect([...data]).toEqual([0, 0]);
});

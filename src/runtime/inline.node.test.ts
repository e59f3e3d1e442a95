import { expect, test } from "vitest";
import { toOnnx } from "../graph/onnx.ts";
import { mul } from "../graph/ops/mul.ts";
import { sum } from "../graph/ops/reduce.ts";
import { batchDim } from "../graph/shape.ts";
import { input, parameter } from "../graph/tensor.ts";
import { inlineSession } from "./inline.node.ts";

const x = input("x", [batchDim(), 2]);
const w = parameter("w", [2]);
const graph = toOnnx({ product: mul(x, w), total: sum(mul(w, w), { axes: [0] }) });

test("inlineSession: reads and writes the caller's arrays in place, in WebAssembly memory too", async () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const weights = new Float32Array(memory.buffer, 64, 2);
  const total = new Float32Array(memory.buffer, 128, 1);
  weights.set([1, 2]);
  const session = await inlineSession(graph, {
    reads: { w: { data: weights, shape: [2] } },
    writes: { total: { data: total, shape: [] } },
    threads: 1,
  });
  const first = await session.run({ x: { data: Float32Array.of(3, 4), shape: [1, 2] } });
  expect(first).toEqual({ product: { data: Float32Array.of(3, 8), shape: [1, 2] } });
  expect(total[0]).toBe(5);

  weights.set([10, 20]);
  const second = await session.run({ x: { data: Float32Array.of(1, 1, 2, 2), shape: [2, 2] } });
  expect(second.product!.data).toEqual(Float32Array.of(10, 20, 20, 40));
  expect(total[0]).toBe(500);
  // Results that the caller has are never written again.
  expect(first.product!.data).toEqual(Float32Array.of(3, 8));
  await session.release();
});

test("inlineSession: a parameter that nobody gives, or of another shape, is a bug that is named", async () => {
  const options = { writes: {}, threads: 1 };
  await expect(inlineSession(graph, { reads: {}, ...options })).rejects.toThrow(/needs "w"/);
  const wrong = { w: { data: new Float32Array(3), shape: [3] } };
  await expect(inlineSession(graph, { reads: wrong, ...options })).rejects.toThrow(/"w" must be float32 \[2\]/);
});

import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { toOnnx } from "../graph/onnx.ts";
import { add } from "../graph/ops/add.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";

/*
 * What ONNX Runtime does here in its own way, and what runtime/ relies on or works around: a version that behaves
 * otherwise fails here first.
 */
const doubling = toOnnx({ y: add(input("x", [batchDim(), 2]), input("x2", [batchDim(), 2])) });
const open = () => ort.InferenceSession.create(doubling.bytes);
const tensor = (data: Float32Array) => new ort.Tensor("float32", data, [1, 2]);

test("onnxruntime-node: an output array given beforehand is filled in place", async () => {
  const session = await open();
  const data = new Float32Array(2);
  const x = tensor(Float32Array.of(1, 2));
  await session.run({ x, x2: x }, { y: tensor(data) });
  expect([...data]).toEqual([2, 4]);
  await session.release();
});

test("onnxruntime-node: shared memory is refused as a feed", async () => {
  const session = await open();
  const x = tensor(new Float32Array(new SharedArrayBuffer(8)));
  await expect(session.run({ x, x2: x })).rejects.toThrow(/Invalid argument/);
  await session.release();
});

test("onnxruntime-node: run blocks the event loop from its first tick, which is why sessions live in a thread", async () => {
  const session = await open();
  const x = tensor(Float32Array.of(1, 2));
  let ticked = false;
  const run = session.run({ x, x2: x });
  setImmediate(() => {
    ticked = true;
  });
  await run;
  expect(ticked).toBe(false);
  await session.release();
});

import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { expect } from "vitest";
import { type OnnxGraph, type OnnxOptions, toOnnx } from "../../src/graph/onnx.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { NdArray } from "./arrays.ts";
import { tolerance } from "./tolerance.ts";

/** Build a graph of `outputs` and run it; feeds are inputs and parameters by name. */
export async function evaluate(
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, NdArray>>,
  options: OnnxOptions = {},
): Promise<Record<string, NdArray>> {
  return run(toOnnx(outputs, options), feeds);
}

/** Run a graph on the CPU in this thread. Shapes of the results are held to those that the graph declares. */
export async function run(
  graph: OnnxGraph,
  feeds: Readonly<Record<string, NdArray>>,
): Promise<Record<string, NdArray>> {
  const session = await InferenceSession.create(graph.bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const sizes = new Map<string, number>();
  const tensors: Record<string, OrtTensor> = {};
  for (const { name, dtype, shape } of [...graph.inputs, ...graph.parameters]) {
    const feed = feeds[name];
    if (feed === undefined) throw new Error(`the test feeds no "${name}"`);
    for (const [axis, dim] of shape.entries()) if (typeof dim === "string") sizes.set(dim, feed.shape[axis]!);
    const data =
      dtype === "int64"
        ? BigInt64Array.from({ length: feed.data.length }, (_, i) => BigInt(feed.data[i]!))
        : Float32Array.from(feed.data);
    tensors[name] = new OrtTensor(dtype as "float32", data as Float32Array, [...feed.shape]);
  }
  const results = await session.run(tensors);
  const values: Record<string, NdArray> = {};
  for (const { name, shape } of graph.outputs) {
    const { dims, data } = results[name]!;
    expect(dims, `shape of ${name}`).toEqual(shape.map((dim) => extent(dim, sizes)));
    values[name] = { shape: dims, data: Array.from(data as Float32Array, Number) };
  }
  await session.release();
  return values;
}

/** "batch_x4" is four times "batch". */
function extent(dim: number | string, sizes: ReadonlyMap<string, number>): number {
  if (typeof dim === "number") return dim;
  const [symbol, times = "1"] = dim.split("_x");
  return sizes.get(symbol!)! * Number(times);
}

/** Equal shapes, and numbers within the tolerance of one operator. */
export function expectClose(
  actual: NdArray,
  expected: NdArray,
  { rtol, atol } = tolerance.op as { rtol: number; atol: number },
): void {
  expect(actual.shape).toEqual(expected.shape);
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [actual.data[i]!, expected.data[i]!];
    if (!(Math.abs(a - b) <= atol + rtol * Math.abs(b))) expect.fail(`entry ${i} is ${a}, expected ${b}`);
  }
}

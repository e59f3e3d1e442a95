import { createRandom } from "../core/random.ts";
import type { StoredTensor } from "../core/safetensors.ts";
import { type OnnxGraph, toOnnx } from "../graph/onnx.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { slice } from "../graph/ops/pad.ts";
import { input, parameter, type Tensor } from "../graph/tensor.ts";
import type { HostTensor } from "./session.ts";
import { type Weights, weightsFromTensors } from "./weights.ts";

/** `count` products [batch, m, k] · [batch, k, n]; a batch of 1 is a plain matrix product. */
export interface GemmShape {
  batch?: number;
  m: number;
  k: number;
  n: number;
  count?: number;
}

/**
 * A graph of nothing but matrix products: what a device can do at best, as the denominator of speeds. Right-hand
 * sides are parameters, all different, so that none is computed once for several; of each product one row per matrix
 * is an output.
 *
 * @returns graph, weights and feeds to run it with; `flops` per run, a multiply-add counted as two.
 */
export function gemmGraph(shapes: readonly GemmShape[]): {
  graph: OnnxGraph;
  weights: Weights;
  feeds: Record<string, HostTensor>;
  flops: number;
} {
  const random = createRandom(1);
  const values = (length: number) => Float32Array.from({ length }, () => random.uniform() - 0.5);
  const tensors = new Map<string, StoredTensor>();
  const feeds: Record<string, HostTensor> = {};
  const inputs = new Map<string, Tensor>();
  const outputs: Record<string, Tensor> = {};
  let flops = 0;
  for (const { batch = 1, m, k, n, count = 1 } of shapes) {
    const name = `a${batch}x${m}x${k}`;
    if (!inputs.has(name)) {
      inputs.set(name, input(name, [batch, m, k]));
      feeds[name] = { data: values(batch * m * k), shape: [batch, m, k] };
    }
    for (let i = 0; i < count; i++) {
      const right = `b${tensors.size}`;
      const shape = batch === 1 ? [k, n] : [batch, k, n];
      tensors.set(right, { dtype: "F32", shape, data: values(batch * k * n) });
      const product = matMul(inputs.get(name)!, parameter(right, shape));
      outputs[`c${tensors.size - 1}`] = slice(product, { axis: 1, start: 0, end: 1 });
      flops += 2 * batch * m * k * n;
    }
  }
  return { graph: toOnnx(outputs), weights: weightsFromTensors(tensors, { name: "GEMM" }), feeds, flops };
}

import { gemm } from "../graph/ops/gemm.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Bound, Initial } from "./parameters.ts";

const zero: Initial = { kind: "constant", value: 0 };

/** PyTorch's default for linear and convolution layers: uniform in ±1/√fanIn (Kaiming uniform with a = √5). */
export function torchDefault(fanIn: number): Initial {
  return { kind: "uniform", bound: 1 / Math.sqrt(fanIn) };
}

/** Kaiming normal, fan in, ReLU gain (mmcv's `kaiming_init`). */
export function kaimingNormal(fanIn: number) {
  return { kind: "normal", std: Math.sqrt(2 / fanIn) } as const satisfies Initial;
}

/** Weight [out, in] and bias [out]. */
export function initLinear(
  inputs: number,
  outputs: number,
  { weight = torchDefault(inputs), bias = torchDefault(inputs) }: { weight?: Initial; bias?: Initial } = {},
) {
  return { weight: { shape: [outputs, inputs], initial: weight }, bias: { shape: [outputs], initial: bias } };
}

/** The transformer's linear layers (ViT, fusion): truncated normal of deviation 0.02, bias zero. */
export function initTransformerLinear(inputs: number, outputs: number, { bias = zero }: { bias?: Initial } = {}) {
  return initLinear(inputs, outputs, { weight: { kind: "truncatedNormal", std: 0.02 }, bias });
}

export type LinearParams = { weight: Tensor; bias?: Tensor };

/** x Wᵀ + b over the last axis: [..., in] → [..., out]. */
export function linear({ weight, bias }: LinearParams, x: Tensor): Tensor {
  const lead = x.shape.slice(0, -1);
  const inputs = x.shape.at(-1)!;
  const y = gemm(reshape(x, [sizeOf(lead), inputs]), weight, bias);
  return reshape(y, [...lead, weight.shape[0]!]);
}

/** Weight and bias of a layer normalisation. */
export function initNorm(channels: number) {
  return {
    weight: { shape: [channels], initial: { kind: "constant", value: 1 } satisfies Initial },
    bias: { shape: [channels], initial: zero },
  };
}

export type NormParams = Bound<ReturnType<typeof initNorm>>;

import { conv2d } from "../graph/ops/conv2d.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Bound, Initial } from "./parameters.ts";

/** mmcv's `xavier_init` of a convolution: uniform, by the mean of fan in and fan out. */
export function xavierUniform(fanIn: number, fanOut: number) {
  return { kind: "uniform", bound: Math.sqrt(6 / (fanIn + fanOut)) } as const satisfies Initial;
}

/** Weight [out, in, kernel, kernel] and bias [out] of a convolution; the bias starts at zero. */
export function initConv(
  inputs: number,
  outputs: number,
  {
    kernel,
    weight = xavierUniform(inputs * kernel ** 2, outputs * kernel ** 2),
  }: { kernel: number; weight?: Initial },
) {
  const bias: Initial = { kind: "constant", value: 0 };
  return {
    weight: { shape: [outputs, inputs, kernel, kernel], initial: weight },
    bias: { shape: [outputs], initial: bias },
  };
}

export type ConvParams = Bound<ReturnType<typeof initConv>>;

/** w ∗ x + b with zeros around the map that keep its size. x: [batch, in, H, W] → [batch, out, H, W]. */
export function conv({ weight, bias }: ConvParams, x: Tensor): Tensor {
  return conv2d(x, weight, { bias, padding: Math.floor((weight.shape[2] as number) / 2) });
}

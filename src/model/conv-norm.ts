import { add } from "../graph/ops/add.ts";
import { batchNorm, batchNormAffine, type Moments } from "../graph/ops/batch-norm.ts";
import { conv2d } from "../graph/ops/conv2d.ts";
import { mul } from "../graph/ops/mul.ts";
import { relu } from "../graph/ops/relu.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import type { Bound, Initial, ParameterSpec } from "./parameters.ts";

/** New values of running statistics by the buffers' names. */
export type BufferUpdates = Map<string, Tensor>;

const epsilon = 1e-5;
/** Share of the batch in the running statistics. */
const momentum = 0.1;

/** Weights of a convolution without bias, batch norm and ReLU under mmcv's names. */
export function initConvNorm(inputs: number, outputs: number, kernel: number) {
  const constant = (value: number): Initial => ({ kind: "constant", value });
  const perChannel = (value: number, buffer = false): ParameterSpec => ({
    shape: [outputs],
    initial: constant(value),
    ...(buffer && { buffer }),
  });
  // mmcv's `kaiming_init`: normal, by the fan out.
  const weight: Initial = { kind: "normal", std: Math.sqrt(2 / (outputs * kernel ** 2)) };
  return {
    conv: { weight: { shape: [outputs, inputs, kernel, kernel], initial: weight } },
    bn: {
      weight: perChannel(1),
      bias: perChannel(0),
      running_mean: perChannel(0, true),
      running_var: perChannel(1, true),
    },
  };
}

export type ConvNormParams = Bound<ReturnType<typeof initConvNorm>>;

/**
 * ReLU(BN(conv(x))) with zeros around the map that keep its size. x: [batch, C, H, W].
 *
 * @param options.updates  Normalise by the batch's moments and put the new running statistics here; without it,
 *   normalise by the running ones, within the convolution.
 */
export function convNorm(
  { conv, bn }: ConvNormParams,
  x: Tensor,
  { dilation = 1, updates }: { dilation?: number; updates?: BufferUpdates | undefined } = {},
): Tensor {
  const kernel = conv.weight.shape[2] as number;
  const options = { dilation, padding: Math.floor(kernel / 2) * dilation };
  if (updates === undefined) {
    const running: Moments = { mean: bn.running_mean, variance: bn.running_var };
    const { scale, shift } = batchNormAffine(bn, running, { epsilon });
    const weight = mul(conv.weight, reshape(scale, [scale.shape[0]!, 1, 1, 1]));
    return relu(conv2d(x, weight, { ...options, bias: shift }));
  }
  const { y, moments } = batchNorm(bn, conv2d(x, conv.weight, options), { epsilon });
  const follow = (running: Tensor, batch: Tensor) =>
    updates.set(
      running.node.kind === "parameter" ? running.node.name : "",
      add(mul(running, scalar(1 - momentum)), mul(batch, scalar(momentum))),
    );
  follow(bn.running_mean, moments.mean);
  follow(bn.running_var, moments.variance);
  return relu(y);
}

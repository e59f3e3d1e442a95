import { scalar, type Tensor } from "../tensor.ts";
import { acrossProcesses } from "./across-processes.ts";
import { add } from "./add.ts";
import { atLeast } from "./clip.ts";
import { div } from "./div.ts";
import { mul } from "./mul.ts";
import { countOf, mean } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { sqrt } from "./sqrt.ts";
import { sub } from "./sub.ts";

/** Weight and bias of a batch normalisation, [C] each. */
export interface BatchNormParams {
  weight: Tensor;
  bias: Tensor;
}

/** One value a channel, [C]. */
export interface Moments {
  mean: Tensor;
  variance: Tensor;
}

/**
 * Batch normalisation by known moments as one factor and one summand a channel (Ioffe & Szegedy 2015,
 * arXiv:1502.03167, alg. 2): y = x·scale + shift. A convolution before it takes both up for nothing.
 */
export function batchNormAffine(
  { weight, bias }: BatchNormParams,
  { mean, variance }: Moments,
  { epsilon }: { epsilon: number },
) {
  const scale = div(weight, sqrt(add(variance, scalar(epsilon))));
  return { scale, shift: sub(bias, mul(mean, scale)) };
}

/**
 * Batch normalisation of images [batch, C, H, W] by their own moments (alg. 1), with the biased variance. The batch is
 * that of all processes of a training run (specification §5.4), whose parts are of one size.
 *
 * @returns Also the batch's mean and unbiased variance, which PyTorch's running statistics take up.
 * @throws Error where a channel is known to have one value only, as PyTorch does.
 */
export function batchNorm(
  { weight, bias }: BatchNormParams,
  x: Tensor,
  { epsilon }: { epsilon: number },
): { y: Tensor; moments: Moments } {
  const axes = [0, 2, 3];
  if (axes.every((axis) => x.shape[axis] === 1))
    throw new Error("a batch norm in training needs more than one value a channel");
  const channels = x.shape[1] as number;
  const perChannel = (t: Tensor) => reshape(t, [channels, 1, 1]);
  const average = acrossProcesses(mean(x, { axes, keepDims: true }), "mean");
  const centred = sub(x, average);
  const variance = acrossProcesses(mean(mul(centred, centred), { axes, keepDims: true }), "mean");
  const deviation = sqrt(add(variance, scalar(epsilon)));
  const y = add(mul(centred, div(perChannel(weight), deviation)), perChannel(bias));
  const count = acrossProcesses(countOf(x, axes), "sum");
  const unbiased = mul(variance, div(count, atLeast(sub(count, scalar(1)), 1)));
  return { y, moments: { mean: reshape(average, [channels]), variance: reshape(unbiased, [channels]) } };
}

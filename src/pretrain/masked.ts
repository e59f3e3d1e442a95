import { SkySenseError } from "../core/error.ts";
import { add } from "../graph/ops/add.ts";
import { div } from "../graph/ops/div.ts";
import { mul } from "../graph/ops/mul.ts";
import { mean, sum } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { sqrt } from "../graph/ops/sqrt.ts";
import { stopGradient } from "../graph/ops/stop-gradient.ts";
import { sub } from "../graph/ops/sub.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { batchDim, timesDim } from "../graph/shape.ts";
import { input, scalar, type Tensor } from "../graph/tensor.ts";
import { initTransformerLinear, linear } from "../model/linear.ts";
import { type Bound, bindParameters, type ParameterTree } from "../model/parameters.ts";
import { encodeHr, initSkySense, type SkySenseConfig, type SkySenseParams } from "../model/skysense.ts";
import type { FeedShapes } from "../train/compiled-graphs.node.ts";
import { reduceLoss } from "../train/losses/reduce.ts";
import type { SeparateGraph } from "../train/train-graph.ts";
import { initVisits } from "./prototypes.ts";
import { defaultMasking, type PretrainSettings } from "./settings.ts";

/** The parameters that a masked autoencoder adds to the model's. */
export function initMasked(config: SkySenseConfig, { masking = defaultMasking }: Pick<PretrainSettings, "masking">) {
  const { bands, depths, patch } = hrOf(config);
  const side = patch * 2 ** (depths.length - 1);
  if (side % masking.patch !== 0) {
    throw new SkySenseError({
      code: "BAD_MASKING",
      what: `a cell has ${side} pixels a side, which is no multiple of masking.patch, ${masking.patch}`,
      remedy: "Choose a divisor.",
    });
  }
  return {
    token: { shape: [bands, masking.patch, masking.patch], initial: { kind: "normal", std: 0.02 } as const },
    decoder: initTransformerLinear(config.fusion.inputWidth, bands * side ** 2),
    visits: initVisits(config), // what is exported has them
  };
}

/** All parameters of a run: the model's by their official names, the others under `pretrain`. */
export function maskedTree(config: SkySenseConfig, settings: PretrainSettings): ParameterTree {
  return { ...initSkySense(config), pretrain: initMasked(config, settings) } as ParameterTree;
}

/**
 * A masked autoencoder for the HR encoder, a peer that the paper's way is compared with: patches of the image are
 * covered with a learned one, and one linear layer paints them from the features of their cell, as in SimMIM (Xie et
 * al. 2022, arXiv:2111.09886), which is for Swin encoders. What is wanted are the patches at mean 0 and deviation 1,
 * with a squared error, as in MAE (He et al. 2022, arXiv:2111.06377, §3). Only what was masked counts.
 *
 * Covering pixels instead of tokens is the same: the embedding of patches is linear, and its patches are no larger.
 *
 * @param shapes  Of the feeds that `maskedFeeds` makes: `hr.image` [images, bands, H, W], `hr.masked` [images, rows,
 *   columns] of patches.
 */
export function maskedGraph(shapes: FeedShapes, config: SkySenseConfig, settings: PretrainSettings): SeparateGraph {
  const p = bindParameters(maskedTree(config, settings)) as unknown as SkySenseParams & {
    pretrain: Bound<ReturnType<typeof initMasked>>;
  };
  const { patch } = settings.masking ?? defaultMasking;
  const batch = batchDim();
  const [, bands, height, width] = shapes["hr.image"] as readonly [number, number, number, number];
  const image = input("hr.image", [batch, bands, height, width]);
  const masked = input("hr.masked", [batch, height / patch, width / patch]);
  const seen = cover(image, { masked, token: p.pretrain.token });
  const { x, grid } = encodeHr(p.backbone_hr!, seen, hrOf(config));
  const painted = linear(p.pretrain.decoder, x);
  const { loss, count } = maskedLoss(painted, image, { masked, grid });
  return { loss, weight: count, metrics: { "masked.hr": loss } };
}

function hrOf({ hr }: SkySenseConfig) {
  if (hr !== undefined) return hr;
  throw new SkySenseError({
    code: "SENSOR_UNKNOWN",
    what: "a masked autoencoder needs an HR encoder, and this model has none",
    remedy: "Choose another model, or another form.",
  });
}

/**
 * The image with `token` in the place of masked patches.
 *
 * @param image  [B, bands, H, W].
 * @param options.masked  [B, rows, columns]: 1 for patches that are masked, else 0.
 * @param options.token  [bands, patch, patch].
 */
export function cover(image: Tensor, { masked, token }: { masked: Tensor; token: Tensor }): Tensor {
  const [batch, bands, height, width] = image.shape as [Tensor["shape"][number], number, number, number];
  const [, rows, columns] = masked.shape as [unknown, number, number];
  const side = height / rows;
  const patches = reshape(image, [batch, bands, rows, side, columns, side]);
  const there = reshape(masked, [batch, 1, rows, 1, columns, 1]);
  const covered = mul(reshape(token, [1, bands, 1, side, 1, side]), there);
  return reshape(add(mul(patches, sub(scalar(1), there)), covered), [batch, bands, height, width]);
}

/**
 * Mean squared error of the masked patches, each wanted at mean 0 and deviation 1 (over its pixels and bands).
 *
 * @param painted  [B, cells, patches of a cell · pixels of a patch · bands], the patches of a cell row by row.
 * @param image  [B, bands, H, W].
 * @param options.masked  [B, rows, columns] of patches.
 * @param options.grid  Of the cells.
 * @returns `loss`, the mean over masked patches, and `count`, how many they are; shape [].
 */
export function maskedLoss(
  painted: Tensor,
  image: Tensor,
  { masked, grid: [down, across] }: { masked: Tensor; grid: readonly [number, number] },
): { loss: Tensor; count: Tensor } {
  const [batch, bands, height, width] = image.shape as [Tensor["shape"][number], number, number, number];
  const [, rows, columns] = masked.shape as [unknown, number, number];
  const side = height / rows;
  const [k, l] = [rows / down, columns / across];
  const patches = timesDim(batch, rows * columns);
  const pixels = reshape(image, [batch, bands, down, k, side, across, l, width / columns]);
  const wanted = reshape(transpose(pixels, [0, 2, 5, 3, 6, 4, 7, 1]), [patches, side ** 2 * bands]);
  const there = transpose(reshape(masked, [batch, down, k, across, l]), [0, 1, 3, 2, 4]);
  const weight = stopGradient(reshape(there, [patches]));
  const error = sub(reshape(painted, [patches, side ** 2 * bands]), stopGradient(normalised(wanted)));
  const losses = mean(mul(error, error), { axes: [1] });
  return { loss: reduceLoss(losses, { weight, over: "weight" }), count: sum(weight, { axes: [0] }) };
}

/** Rows at mean 0 and deviation 1; flat ones stay flat. */
function normalised(x: Tensor): Tensor {
  const centred = sub(x, mean(x, { axes: [1], keepDims: true }));
  const variance = mean(mul(centred, centred), { axes: [1], keepDims: true });
  return div(centred, sqrt(add(variance, scalar(1e-6))));
}

import { gemm } from "../graph/ops/gemm.ts";
import { layerNorm } from "../graph/ops/layer-norm.ts";
import { pad } from "../graph/ops/pad.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { initNorm, type NormParams } from "./linear.ts";
import type { Initial } from "./parameters.ts";

/** Tokens [batch, h·w, channels], row-major, and their grid. */
export interface TokenMap {
  x: Tensor;
  grid: readonly [height: number, width: number];
}

export function initPatchEmbed({
  bands,
  width,
  patch,
  norm,
  weight,
  bias,
}: {
  bands: number;
  width: number;
  patch: number;
  norm: boolean;
  weight: Initial;
  bias: Initial;
}) {
  return {
    projection: {
      weight: { shape: [width, bands, patch, patch], initial: weight },
      bias: { shape: [width], initial: bias },
    },
    norm: norm ? initNorm(width) : undefined,
  };
}

/**
 * Cut an image into patches and project each (§1.2, §2.1): zeros are added at the right and the bottom up to multiples
 * of the patch. image: [batch, bands, height, width].
 *
 * A convolution whose kernel is its stride is a matrix product; ONNX Runtime's own runs at half that speed.
 */
export function patchEmbed(
  { projection, norm }: { projection: { weight: Tensor; bias: Tensor }; norm?: NormParams | undefined },
  image: Tensor,
  { patch, epsilon }: { patch: number; epsilon: number },
): TokenMap {
  const [batch, bands, height, width] = image.shape as [Tensor["shape"][number], number, number, number];
  const h = Math.ceil(height / patch);
  const w = Math.ceil(width / patch);
  const padded = pad(image, { after: [0, 0, h * patch - height, w * patch - width] });
  const cut = transpose(reshape(padded, [batch, bands, h, patch, w, patch]), [0, 2, 4, 1, 3, 5]);
  const channels = projection.weight.shape[0]!;
  const values = bands * patch * patch;
  const flat = gemm(
    reshape(cut, [sizeOf([batch, h, w]), values]),
    reshape(projection.weight, [channels, values]),
    projection.bias,
  );
  const x = reshape(flat, [batch, h * w, channels]);
  return { x: norm === undefined ? x : layerNorm(x, norm.weight, norm.bias, { epsilon }), grid: [h, w] };
}

/** Tokens as an image, [batch, h·w, channels] → [batch, channels, h, w]. */
export function toImage({ x, grid: [h, w] }: TokenMap): Tensor {
  const [batch, , channels] = x.shape;
  return transpose(reshape(x, [batch!, h, w, channels!]), [0, 3, 1, 2]);
}

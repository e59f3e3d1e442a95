import { split } from "../graph/ops/concat.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { type Dim, timesDim } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Pairs [batch, 2, …] as images that follow each other, [2·batch, …], for an encoder that sees one at a time. */
export function asImages(pairs: Tensor): Tensor {
  const [batch, , ...rest] = pairs.shape as [Dim, ...Dim[]];
  return reshape(pairs, [timesDim(batch, 2), ...rest]);
}

/** What an encoder made of {@link asImages}, by date: [2·batch, …] → before and after, [batch, …] each. */
export function datesOf(images: Tensor): [before: Tensor, after: Tensor] {
  const [, ...rest] = images.shape;
  const batch = batchOf(images);
  const [before, after] = split(reshape(images, [batch, 2, ...rest]), [1, 1], { axis: 1 });
  return [reshape(before!, [batch, ...rest]), reshape(after!, [batch, ...rest])];
}

/** Pairs in a batch of images. */
export function batchOf({ shape: [images] }: Tensor): Dim {
  return typeof images === "number" ? images / 2 : { ...images!, times: images!.times / 2 };
}

import { constant, type Tensor } from "../tensor.ts";
import { matMul } from "./mat-mul.ts";
import { reshape } from "./reshape.ts";
import { interpolateImage } from "./resize.ts";

/** Averaging weights [to, from]: bin i covers floor(i·from/to) … ceil((i+1)·from/to) − 1, as in PyTorch. */
export function adaptivePoolMatrix({ from, to }: { from: number; to: number }): Float32Array<ArrayBuffer> {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const start = Math.floor((i * from) / to);
    const end = Math.ceil(((i + 1) * from) / to);
    matrix.fill(1 / (end - start), i * from + start, i * from + end);
  }
  return matrix;
}

/** Mean over bins of the two axes before the last, channels last: [..., H, W, C] → [..., h, w, C]. */
export function adaptiveAvgPool(x: Tensor, [height, width]: readonly [height: number, width: number]): Tensor {
  const [h, w, channels] = x.shape.slice(-3) as [number, number, number];
  const lead = x.shape.slice(0, -3);
  const rows = constant(adaptivePoolMatrix({ from: h, to: height }), [height, h]);
  const columns = constant(adaptivePoolMatrix({ from: w, to: width }), [width, w]);
  const tall = matMul(rows, reshape(x, [...lead, h, w * channels]));
  return matMul(columns, reshape(tall, [...lead, height, w, channels]));
}

/** {@link adaptiveAvgPool} of images with channels first, [..., H, W] → [..., h, w]. */
export function adaptiveAvgPoolImage(x: Tensor, [height, width]: readonly [height: number, width: number]): Tensor {
  const [h, w] = x.shape.slice(-2) as [number, number];
  const rows = constant(adaptivePoolMatrix({ from: h, to: height }), [height, h]);
  const columns = constant(adaptivePoolMatrix({ from: w, to: width }), [width, w]);
  return interpolateImage(x, { rows, columns });
}

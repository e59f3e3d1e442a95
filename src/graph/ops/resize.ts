import { sizeOf } from "../shape.ts";
import { constant, type Tensor } from "../tensor.ts";
import { gemm } from "./gemm.ts";
import { matMul } from "./mat-mul.ts";
import { reshape } from "./reshape.ts";

export type Interpolation = "nearest" | "bilinear" | "bicubic";

/**
 * Weights [to, from] of separable interpolation along one axis, as PyTorch does it: no antialiasing, borders clamped,
 * bicubic with a = −0.75, nearest rounding down.
 */
export function interpolationMatrix(
  { from, to }: { from: number; to: number },
  { mode, alignCorners = false }: { mode: Interpolation; alignCorners?: boolean },
): Float32Array<ArrayBuffer> {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    if (mode === "nearest") {
      // In float32, since PyTorch's rounding decides which cell is taken.
      const column = Math.floor(Math.fround(i * Math.fround(from / to)));
      matrix[i * from + Math.min(column, from - 1)] = 1;
      continue;
    }
    const at = alignCorners ? (to === 1 ? 0 : (i * (from - 1)) / (to - 1)) : ((i + 0.5) * from) / to - 0.5;
    // PyTorch clamps the coordinate for linear interpolation, the taps for cubic interpolation.
    const x = mode === "bilinear" ? Math.max(at, 0) : at;
    const left = Math.floor(x);
    const taps = mode === "bilinear" ? linearTaps(x - left) : cubicTaps(x - left);
    const first = mode === "bilinear" ? left : left - 1;
    for (const [k, weight] of taps.entries()) {
      const column = Math.min(Math.max(first + k, 0), from - 1);
      matrix[i * from + column]! += weight;
    }
  }
  return matrix;
}

function linearTaps(t: number): number[] {
  return [1 - t, t];
}

/** Keys' cubic convolution (1981) with a = −0.75. */
function cubicTaps(t: number): number[] {
  const a = -0.75;
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

export interface ResizeOptions {
  mode: Interpolation;
  alignCorners?: boolean;
}

/**
 * Resize the two axes before the last of a map with channels last, [..., H, W, C] → [..., h, w, C].
 *
 * Two matrix products with constant matrices: ONNX's cubic Resize is 35 times slower on the CPU, and the gradient of
 * this form is two more matrix products.
 */
export function resize(
  x: Tensor,
  [height, width]: readonly [height: number, width: number],
  options: ResizeOptions,
): Tensor {
  const [h, w, channels] = x.shape.slice(-3) as [number, number, number];
  const lead = x.shape.slice(0, -3);
  const rows = constant(interpolationMatrix({ from: h, to: height }, options), [height, h]);
  const columns = constant(interpolationMatrix({ from: w, to: width }, options), [width, w]);
  const tall = matMul(rows, reshape(x, [...lead, h, w * channels]));
  return matMul(columns, reshape(tall, [...lead, height, w, channels]));
}

/** {@link resize} of images with channels first, [..., H, W] → [..., h, w]. */
export function resizeImage(
  x: Tensor,
  [height, width]: readonly [height: number, width: number],
  options: ResizeOptions,
): Tensor {
  const [h, w] = x.shape.slice(-2) as [number, number];
  if (h === height && w === width) return x;
  return interpolateImage(x, {
    rows: constant(interpolationMatrix({ from: h, to: height }, options), [height, h]),
    columns: constant(interpolationMatrix({ from: w, to: width }, options), [width, w]),
  });
}

/** rows · x · columnsᵀ for images [..., H, W]; rows: [h, H], columns: [w, W]. */
export function interpolateImage(x: Tensor, { rows, columns }: { rows: Tensor; columns: Tensor }): Tensor {
  const lead = x.shape.slice(0, -2);
  const [h, w] = x.shape.slice(-2) as [number, number];
  const wide = gemm(reshape(x, [sizeOf([...lead, h]), w]), columns);
  return matMul(rows, reshape(wide, [...lead, h, columns.shape[0]!]));
}

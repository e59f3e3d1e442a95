import { sizeOf } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { matMul } from "./mat-mul.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

export interface RoiAlignOptions {
  /** Bins of each axis. */
  size: number;
  /** Cells of the map per pixel: 1 / stride. */
  scale: number;
  /** Samples of each axis in a bin; 0: as many as the bin has cells, rounded up. */
  samples?: number;
}

/**
 * Mean of bilinear samples in each bin of boxes on maps (He et al. 2017, arXiv:1703.06870; half-pixel "aligned" form).
 *
 * Without gradient: training, where boxes are known outside of the graph, uses {@link roiAlignBy}.
 *
 * @param x  [batch, C, H, W].
 * @param rois  [n, 4]: x₁, y₁, x₂, y₂ in pixels.
 * @param image  int64 [n]: whose image each box is on.
 * @returns [n, C, size, size].
 */
export function roiAlign(
  x: Tensor,
  { rois, image }: { rois: Tensor; image: Tensor },
  { size, scale, samples = 0 }: RoiAlignOptions,
): Tensor {
  return emit(rule, [x, rois, image], { size, scale, samples });
}

const rule: OpRule<readonly [x: Tensor, rois: Tensor, image: Tensor], Required<RoiAlignOptions>> = {
  // The form of opset 22 has no kernel on the CPU.
  onnx: ["RoiAlign", 16],
  type: ([x, rois, image], { size }) => {
    if (x.shape.length !== 4) throw new Error("images must have four axes");
    if (rois.shape.length !== 2 || rois.shape[1] !== 4) throw new Error("boxes must be [n, 4]");
    if (image.shape.length !== 1 || image.dtype !== "int64") throw new Error("images' numbers must be int64 [n]");
    return { shape: [rois.shape[0]!, x.shape[1]!, size, size], dtype: x.dtype };
  },
  attributes: ({ size, scale, samples }) => ({
    coordinate_transformation_mode: "half_pixel",
    mode: "avg",
    output_height: size,
    output_width: size,
    sampling_ratio: samples,
    spatial_scale: { float: scale },
  }),
};

/**
 * Weights [size, extent] of {@link roiAlign} along one axis: bin i is the mean of its samples, each between two cells
 * of the map. Beyond one cell outside of the map a sample is zero; nearer it takes the cell at the border.
 *
 * @param range  The box's two coordinates on this axis, pixels.
 */
export function roiAlignMatrix(
  range: readonly [from: number, to: number],
  { extent, size, scale, samples = 0 }: RoiAlignOptions & { extent: number },
): Float32Array<ArrayBuffer> {
  const matrix = new Float32Array(size * extent);
  const start = range[0] * scale - 0.5;
  const bin = ((range[1] - range[0]) * scale) / size;
  const count = samples > 0 ? samples : Math.ceil(bin);
  for (let i = 0; i < size; i++) {
    for (let s = 0; s < count; s++) {
      const at = start + (i + (s + 0.5) / count) * bin;
      if (at < -1 || at > extent) continue;
      const inside = Math.min(Math.max(at, 0), extent - 1);
      const low = Math.floor(inside);
      matrix[i * extent + low]! += (1 - (inside - low)) / count;
      if (inside > low) matrix[i * extent + low + 1]! += (inside - low) / count;
    }
  }
  return matrix;
}

/**
 * {@link roiAlign} as two matrix products for each box, since its weights are a product of one factor an axis; as many
 * boxes on every image. x, rows and columns have gradients.
 *
 * @param x  [batch, C, H, W].
 * @param rows  [batch, n, size, H] by {@link roiAlignMatrix}; zeros where a box is not on this map.
 * @param columns  [batch, n, size, W].
 * @returns [batch·n, C, size, size].
 */
export function roiAlignBy(x: Tensor, { rows, columns }: { rows: Tensor; columns: Tensor }): Tensor {
  const [batch, channels, h, w] = x.shape as [Tensor["shape"][number], number, number, number];
  const [, n, size] = rows.shape as [unknown, number, number];
  const tall = matMul(reshape(rows, [batch, 1, n * size, h]), x);
  const byBox = transpose(reshape(tall, [batch, channels, n, size, w]), [0, 2, 1, 3, 4]);
  const pooled = matMul(reshape(byBox, [batch, n, channels * size, w]), transpose(columns, [0, 1, 3, 2]));
  return reshape(pooled, [sizeOf([batch, n]), channels, size, size]);
}

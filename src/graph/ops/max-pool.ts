import { sizeOf } from "../shape.ts";
import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { scatterAdd } from "./gather.ts";
import { zerosLike } from "./reduce.ts";
import { reshape } from "./reshape.ts";

interface PoolAttrs {
  kernel: number;
  stride: number;
  padding: number;
}

/**
 * Largest value of each window of images [batch, C, H, W] → [batch, C, h, w], as PyTorch's `max_pool2d`; of equal
 * values the first one takes the gradient.
 */
export function maxPool(
  x: Tensor,
  { kernel, stride = kernel, padding = 0 }: Partial<PoolAttrs> & { kernel: number },
): Tensor {
  return emit(rule, [x], { kernel, stride, padding });
}

const rule: OpRule<readonly [x: Tensor], PoolAttrs> = {
  onnx: ["MaxPool", 12],
  optionalOutputs: true,
  type: ([x], { kernel, stride, padding }) => {
    if (x.shape.length !== 4) throw new Error("images must have four axes");
    const size = x.shape.slice(2).map((extent) => {
      const room = (extent as number) + 2 * padding - kernel;
      if (room < 0) throw new Error("the window is larger than the map");
      return Math.floor(room / stride) + 1;
    });
    const shape = [...x.shape.slice(0, 2), ...size];
    return [
      { shape, dtype: x.dtype },
      { shape, dtype: "int64" },
    ];
  },
  attributes: ({ kernel, stride, padding }) => ({
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  }),
  // The second output says where in the whole tensor each maximum lies.
  grad: ({ inputs: [x], outputs: [, places], dy }) => {
    const count = sizeOf(dy.shape);
    const zeros = reshape(zerosLike(x), [sizeOf(x.shape)]);
    return [reshape(scatterAdd(zeros, reshape(places!, [count, 1]), reshape(dy, [count])), x.shape)];
  },
};

import { emit, type OpRule, type Tensor } from "../tensor.ts";
import { concat } from "./concat.ts";
import { rearrange } from "./gather.ts";
import { matMul } from "./mat-mul.ts";
import { pad } from "./pad.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

type Pair = readonly [rows: number, columns: number];

interface ConvAttrs {
  stride: number;
  dilation: number;
  /** Zeros around the map, before and after; never more than the kernel's reach. */
  before: Pair;
  after: Pair;
}

/**
 * Cross-correlation of images, channels first, as PyTorch's `conv2d` without groups.
 *
 * @param x  [batch, C, H, W].
 * @param weight  [O, C, kh, kw].
 * @param options.bias  [O].
 * @param options.padding  Zeros on all sides.
 * @returns [batch, O, h, w], h = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1.
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  {
    bias,
    stride = 1,
    padding = 0,
    dilation = 1,
  }: { bias?: Tensor | undefined; stride?: number; padding?: number; dilation?: number } = {},
): Tensor {
  // The gradient takes paddings within the kernel's reach; what is beyond is put around the map beforehand.
  const inside = reach(weight, dilation).map((n) => Math.min(n, padding)) as unknown as Pair;
  const beyond = [0, 0, ...inside.map((n) => padding - n)];
  const attrs = { stride, dilation, before: inside, after: inside };
  const padded = x.shape.length === 4 ? pad(x, { before: beyond, after: beyond }) : x;
  return emit(rule, bias === undefined ? [padded, weight] : [padded, weight, bias], attrs);
}

/** How many cells the kernel covers beside its first one. */
function reach(weight: Tensor, dilation: number): Pair {
  const [, , kh, kw] = weight.shape as [number, number, number, number];
  return [dilation * (kh - 1), dilation * (kw - 1)];
}

const rule: OpRule<readonly [x: Tensor, weight: Tensor, bias?: Tensor] & readonly Tensor[], ConvAttrs> = {
  onnx: ["Conv", 11],
  type: ([x, weight, bias], { stride, dilation, before, after }) => {
    if (x.shape.length !== 4 || weight.shape.length !== 4) throw new Error("both must have four axes");
    if (x.shape[1] !== weight.shape[1]) throw new Error("the channels differ");
    if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== weight.shape[0])) {
      throw new Error("the bias must have one value an output");
    }
    const size = reach(weight, dilation).map((far, i) => {
      const room = (x.shape[2 + i] as number) + before[i]! + after[i]! - far - 1;
      if (room < 0) throw new Error("the kernel is larger than the map");
      return Math.floor(room / stride) + 1;
    });
    return { shape: [x.shape[0]!, weight.shape[0]!, ...size], dtype: x.dtype };
  },
  attributes: ({ stride, dilation, before, after }) => ({
    strides: [stride, stride],
    dilations: [dilation, dilation],
    pads: [...before, ...after],
  }),
  grad: ({ inputs: [x, weight, bias], attrs, dy }) => [
    inputGradient(dy, x, weight, attrs),
    weightGradient(dy, x, weight, attrs),
    ...(bias === undefined ? [] : [sum(dy, { axes: [0, 2, 3] })]),
  ],
};

/** Each output's gradient spread over the cells it came from. */
function inputGradient(dy: Tensor, x: Tensor, weight: Tensor, attrs: ConvAttrs): Tensor {
  const far = reach(weight, attrs.dilation);
  const rest = (padding: Pair) => far.map((n, i) => n - padding[i]!) as unknown as Pair;
  if (attrs.stride > 1)
    return emit(transposedRule, [dy, weight], { ...attrs, far, size: x.shape.slice(2) as number[] });
  // A convolution with the kernel turned by 180°: a third faster on the CPU than ONNX's ConvTranspose.
  return emit(rule, [dy, turned(weight)], { ...attrs, before: rest(attrs.before), after: rest(attrs.after) });
}

/** [O, C, kh, kw] → [C, O, kh, kw] with rows and columns in reverse. */
function turned(weight: Tensor): Tensor {
  const [outputs, channels, kh, kw] = weight.shape as [number, number, number, number];
  const cells = kh * kw;
  const byCell = transpose(reshape(weight, [outputs, channels, cells]), [2, 1, 0]);
  const reversed =
    cells === 1
      ? byCell
      : rearrange(
          byCell,
          Int32Array.from({ length: cells }, (_, i) => cells - 1 - i),
          { axis: 0 },
        );
  return reshape(transpose(reversed, [1, 2, 0]), [channels, outputs, kh, kw]);
}

const transposedRule: OpRule<
  readonly [dy: Tensor, weight: Tensor],
  ConvAttrs & { far: Pair; size: readonly number[] }
> = {
  onnx: ["ConvTranspose", 11],
  type: ([dy, weight], { size }) => ({ shape: [dy.shape[0]!, weight.shape[1]!, ...size], dtype: dy.dtype }),
  attributes: ({ stride, dilation, before, after, far, size }) => ({
    strides: [stride, stride],
    dilations: [dilation, dilation],
    pads: [...before, ...after],
    // Cells at the end that no step of the kernel reached.
    output_padding: size.map((extent, i) => (extent + before[i]! + after[i]! - far[i]! - 1) % stride),
  }),
};

/**
 * One matrix product for each cell of the kernel: ∂L/∂w[:, :, i, j] = Σ dy · xᵢⱼᵀ, xᵢⱼ the part of the map that this
 * cell sees. The fastest of the forms tried on the CPU, 2.5 times as fast as a convolution with axes exchanged.
 */
function weightGradient(dy: Tensor, x: Tensor, weight: Tensor, attrs: ConvAttrs): Tensor {
  const [outputs, channels, kh, kw] = weight.shape as [number, number, number, number];
  const [batch, , h, w] = dy.shape as [Tensor["shape"][number], number, number, number];
  const { stride, dilation, before, after } = attrs;
  const padded = pad(x, { before: [0, 0, ...before], after: [0, 0, ...after] });
  const rows = reshape(dy, [batch, outputs, h * w]);
  const cells = Array.from({ length: kh * kw }, (_, k) => {
    const start = [Math.floor(k / kw) * dilation, (k % kw) * dilation] as const;
    const seen = part(padded, { start, size: [h, w], step: stride });
    const product = matMul(rows, transpose(reshape(seen, [batch, channels, h * w]), [0, 2, 1]));
    return reshape(sum(product, { axes: [0] }), [1, outputs, channels]);
  });
  return reshape(transpose(concat(cells, { axis: 0 }), [1, 2, 0]), weight.shape);
}

interface PartAttrs {
  start: Pair;
  size: Pair;
  step: number;
}

/** Every `step`-th row and column of images from `start` on. */
function part(x: Tensor, attrs: PartAttrs): Tensor {
  const [h, w] = x.shape.slice(2) as [number, number];
  const whole = attrs.step === 1 && attrs.size[0] === h && attrs.size[1] === w;
  return whole ? x : emit(partRule, [x], attrs);
}

const partRule: OpRule<readonly [x: Tensor], PartAttrs> = {
  onnx: ["Slice", 13],
  type: ([x], { size }) => ({ shape: [...x.shape.slice(0, 2), ...size], dtype: x.dtype }),
  operands: (_, { start, size, step }) => [
    start,
    start.map((from, i) => from + (size[i]! - 1) * step + 1),
    [2, 3],
    [step, step],
  ],
};

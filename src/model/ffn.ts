import { add } from "../graph/ops/add.ts";
import { gelu } from "../graph/ops/gelu.ts";
import { gemm } from "../graph/ops/gemm.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { sizeOf } from "../graph/shape.ts";
import { scope, type Tensor } from "../graph/tensor.ts";
import { initLinear, initTransformerLinear, type LinearParams, linear } from "./linear.ts";
import type { ParameterTree } from "./parameters.ts";

/** Layers of a feed-forward net under mmcv's names: `layers.i.0` hidden, `layers.n` last. */
export type FfnParams = { layers: { [index: string]: LinearParams | { 0: LinearParams } } };

/**
 * @param options.official  Start as the official ViT does (truncated normal, tiny biases) instead of PyTorch's default.
 * @param options.layers    Number of linear layers (`num_fcs`).
 */
export function initFfn({
  width,
  hidden,
  official,
  layers = 2,
}: {
  width: number;
  hidden: number;
  official: boolean;
  layers?: number;
}) {
  const make = (inputs: number, outputs: number) =>
    official
      ? initTransformerLinear(inputs, outputs, { bias: { kind: "normal", std: 1e-6 } })
      : initLinear(inputs, outputs);
  const tree: Record<string, ReturnType<typeof make> | { 0: ReturnType<typeof make> }> = {};
  for (let i = 0; i < layers - 1; i++) tree[i] = { 0: make(i === 0 ? width : hidden, hidden) };
  tree[layers - 1] = make(layers === 1 ? width : hidden, width);
  return { layers: tree } satisfies ParameterTree;
}

/** Linear → GELU → … → linear, on every token alone. z: [..., width], the same shape out. */
export function ffn({ layers }: FfnParams, z: Tensor): Tensor {
  const flat = reshape(z, [sizeOf(z.shape.slice(0, -1)), z.shape.at(-1)!]);
  const y = scope("ffn", () =>
    Object.values(layers).reduce(
      (x, layer) => ("weight" in layer ? linear(layer, x) : hiddenLayer(layer[0], x)),
      flat,
    ),
  );
  return reshape(y, z.shape);
}

/**
 * GELU(x Wᵀ + b). The bias stands outside the product: ONNX Runtime adds it together with the GELU, while inside it
 * would cost a pass over the result of its own.
 */
function hiddenLayer({ weight, bias }: LinearParams, x: Tensor): Tensor {
  const y = gemm(x, weight);
  return gelu(bias === undefined ? y : add(y, bias));
}

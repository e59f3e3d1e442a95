import type { StoredTensor } from "../src/core/safetensors.ts";
import { toOnnx } from "../src/graph/onnx.ts";
import { input, type Tensor } from "../src/graph/tensor.ts";
import { bindParameters, listParameters, type ParameterTree } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { initSwin, type SwinConfig, type SwinParams, swin } from "../src/model/swin-v2.ts";
import { initVit, type VitConfig, type VitParams, vit } from "../src/model/vit.ts";
import { createRuntime } from "../src/runtime/runtime.node.ts";
import { weightsFromTensors } from "../src/runtime/weights.ts";
import { gemmRun } from "./gemm.ts";
import { compareRuns, conclude, Ratios } from "./harness.ts";
import { productsOf } from "./products.ts";

/*
 * The encoders' speed as a share of that of their own matrix products alone (products.ts), measured in turns in one
 * runtime. `node blocks.js [part of a name] [--constant] [--write]`.
 */

interface Block {
  parameters: ParameterTree;
  outputs: Tensor[];
  image: readonly number[];
}

function vitBlock(config: VitConfig, { batch, side }: { batch: number; side: number }): Block {
  const image = [batch, config.bands, side, side];
  const parameters = initVit(config);
  const maps = vit(bindParameters(parameters) as VitParams, input("image", image), config);
  return { parameters, outputs: [...maps.values()].map(({ x }) => x), image };
}

function swinBlock(config: SwinConfig, { batch, side }: { batch: number; side: number }): Block {
  const image = [batch, config.bands, side, side];
  const parameters = initSwin(config);
  const maps = swin(bindParameters(parameters) as SwinParams, input("image", image), config);
  return { parameters, outputs: [...maps.values()].map(({ x }) => x), image };
}

const large = presets.huge.s2.encoder;
const base: SwinConfig = { ...presets.huge.hr, width: 128, heads: [4, 8, 16, 32], extraNormEvery: 0 };
const oneStage = { outputs: [0], patch: 4, pretrainedWindow: [0], extraNormEvery: 0 };

const blocks: Record<string, () => Block> = {
  "ViT-L, 2 blocks, 4 × 196 tokens": () =>
    vitBlock({ ...large, depth: 2, outputs: [1] }, { batch: 4, side: 14 * large.patch }),
  ...Object.fromEntries(
    [16, 32, 64].map((side) => [
      `ViT-L, 4 blocks, ${side} px`,
      () => vitBlock({ ...large, depth: 4, outputs: [3] }, { batch: 1, side }),
    ]),
  ),
  ...Object.fromEntries(
    [
      [1, 256],
      [4, 256],
      [1, 512],
      [4, 512],
    ].map(([batch, side]) => [
      `Swin V2 base, ${batch} × ${side} px`,
      () => swinBlock(base, { batch: batch!, side: side! }),
    ]),
  ),
  "Swin V2 huge, 2 blocks of stage 2, 32 × 32": () =>
    swinBlock({ ...presets.huge.hr, ...oneStage, width: 1408, depths: [2], heads: [32] }, { batch: 1, side: 128 }),
};

/** Any numbers of a sensible size: speed does not depend on them. */
function someWeights(parameters: ParameterTree) {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { shape }] of listParameters(parameters)) {
    const size = shape.reduce((n, extent) => n * extent, 1);
    const data = Float32Array.from({ length: size }, (_, i) => (((i * 7919) % 2003) / 1001 - 1) / 32);
    tensors.set(name, { dtype: "F32", shape: [...shape], data });
  }
  return weightsFromTensors(tensors);
}

async function measure(name: string, ratios: Ratios, constantWeights: boolean): Promise<void> {
  const { parameters, outputs, image } = blocks[name]!();
  const runtime = createRuntime();
  const graph = toOnnx(Object.fromEntries(outputs.map((t, i) => [`out.${i}`, t])));
  const weights = someWeights(parameters);
  const session = await runtime.compile(graph, { device: "cpu", weights, constantWeights });
  const bare = await gemmRun(runtime, productsOf(outputs), { constantWeights });
  const data = Float32Array.from({ length: image.reduce((n, extent) => n * extent, 1) }, (_, i) => Math.sin(i));
  const comparison = await compareRuns({ a: () => session.run({ image: { data, shape: image } }), b: bare.run });
  ratios.add(name, comparison);
  await runtime.release();
}

const wanted = process.argv.slice(2).find((argument) => !argument.startsWith("--")) ?? "";
const ratios = new Ratios();
for (const name of Object.keys(blocks)) {
  if (name.includes(wanted)) await measure(name, ratios, process.argv.includes("--constant"));
}
conclude(ratios.finish());

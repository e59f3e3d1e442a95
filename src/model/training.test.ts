import { expect, test } from "vitest";
import { at, type NdArray, nd, noise, relativeL2 } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { gradients } from "../graph/gradients.ts";
import { toOnnx } from "../graph/onnx.ts";
import { batchDim } from "../graph/shape.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { topologicalOrder } from "../graph/walk.ts";
import { type FusionParams, fusion, initFusion } from "./fusion.ts";
import { initialise } from "./initialise.ts";
import { bindParameters, listParameters, type ParameterTree } from "./parameters.ts";
import { presets } from "./presets.ts";
import { initSwin, type SwinParams, swin } from "./swin-v2.ts";
import { dropInputs, type EncoderTraining } from "./training.ts";
import { initVit, type VitParams, vit } from "./vit.ts";

const { hr, s2, fusion: fusionSizes } = presets.tiny;
const hrConfig = { ...hr, outputs: [3] };
const vitConfig = { ...s2.encoder, depth: 3, outputs: [2] };
const fusionConfig = { ...fusionSizes, depth: 3, inputWidth: 12 };

/** Each encoder on a symbolic batch. */
const encoders: Record<string, { tree: ParameterTree; shape: number[]; build: (t: EncoderTraining) => Tensor }> = {
  swin: {
    tree: initSwin(hrConfig),
    shape: [3, 3, 64, 64],
    build: (training) => {
      const p = bindParameters(initSwin(hrConfig)) as SwinParams;
      return swin(p, input("x", [batchDim(), 3, 64, 64]), hrConfig, { training }).get(3)!.x;
    },
  },
  vit: {
    tree: initVit(vitConfig),
    shape: [3, 10, 8, 8],
    build: (training) => {
      const p = bindParameters(initVit(vitConfig)) as VitParams;
      return vit(p, input("x", [batchDim(), 10, 8, 8]), vitConfig, { training }).get(2)!.x;
    },
  },
  fusion: {
    tree: initFusion(fusionConfig),
    shape: [3, 4, 12],
    build: (training) => {
      const p = bindParameters(initFusion(fusionConfig)) as FusionParams;
      return fusion(p, input("x", [batchDim(), 4, 12]), fusionConfig, { training, first: 1 });
    },
  },
};

function weightsOf(tree: ParameterTree): Record<string, NdArray> {
  const shapes = new Map(listParameters(tree));
  return Object.fromEntries(
    [...initialise(tree, { seed: 3 })].map(([name, data], i) => {
      const { shape } = shapes.get(name)!;
      // Biases start as zero, which would hide what depends on them.
      return [name, { shape, data: data.every((v) => v === 0) ? noise(shape, i).data : data }];
    }),
  );
}

const sampleOf = ({ shape, data }: NdArray, b: number) => {
  const size = data.length / shape[0]!;
  return Array.from({ length: size }, (_, i) => data[b * size + i]!);
};

test.each(Object.keys(encoders))("%s: without training options the graph is the same, byte for byte", (name) => {
  const { build } = encoders[name]!;
  expect(toOnnx({ y: build({ dropPath: { rate: 0, drop: dropInputs().drop } }) }).bytes).toEqual(
    toOnnx({ y: build({}) }).bytes,
  );
  expect(toOnnx({ y: build({ recompute: true }) }).bytes).toEqual(toOnnx({ y: build({}) }).bytes);
});

test("dropInputs: rates rise linearly from 0 in the first block; Swin drops both branches, the others FFN alone", () => {
  const masksOf = (name: string) => {
    const { drop, masks } = dropInputs("p.");
    encoders[name]!.build({ dropPath: { rate: 0.3, drop } });
    return masks.map((mask) => [mask.name, Number(mask.rate.toFixed(6))]);
  };
  expect(masksOf("vit")).toEqual([
    ["drop.p.layers.1.ffn", 0.15],
    ["drop.p.layers.2.ffn", 0.3],
  ]);
  expect(masksOf("fusion")).toEqual(masksOf("vit"));
  // Five blocks in stages of 1, 1, 2 and 1.
  expect(masksOf("swin")).toEqual(
    [
      ["stages.1.blocks.0", 0.075],
      ["stages.2.blocks.0", 0.15],
      ["stages.2.blocks.1", 0.225],
      ["stages.3.blocks.0", 0.3],
    ].flatMap(([path, rate]) => ["attn", "ffn"].map((branch) => [`drop.p.${path}.${branch}`, rate])),
  );
});

test.each(Object.keys(encoders))(
  "%s: a mask of ones changes nothing; a dropped sample changes alone",
  async (name) => {
    const { tree, shape, build } = encoders[name]!;
    const { drop, masks } = dropInputs();
    const dropped = build({ dropPath: { rate: 0.5, drop } });
    const feeds = { x: noise(shape), ...weightsOf(tree) };
    const fill = (value: (b: number) => number) =>
      Object.fromEntries(masks.map((mask) => [mask.name, nd([3], ([b]) => value(b!))]));
    const plain = (await evaluate({ y: build({}) }, feeds)).y!;
    const ones = (await evaluate({ y: dropped }, { ...feeds, ...fill(() => 1) })).y!;
    const second = (await evaluate({ y: dropped }, { ...feeds, ...fill((b) => (b === 1 ? 0 : 1)) })).y!;
    expect(relativeL2(ones.data, plain.data)).toBeLessThan(1e-6);
    for (const b of [0, 2]) expect(relativeL2(sampleOf(second, b), sampleOf(plain, b))).toBeLessThan(1e-6);
    expect(relativeL2(sampleOf(second, 1), sampleOf(plain, 1))).toBeGreaterThan(1e-3);
  },
);

test("swin: a dropped branch contributes its norm's bias, and a kept one is scaled before the norm", async () => {
  const config = { ...hr, width: 8, depths: [2], heads: [1], window: [4], outputs: [0], outputNorm: undefined };
  const tree = initSwin(config);
  const p = bindParameters(tree) as SwinParams;
  const { drop } = dropInputs();
  const taps: Record<string, Tensor> = {};
  const tap = (name: string, value: () => Tensor) => {
    taps[name] = value();
  };
  swin(p, input("x", [2, 3, 16, 16]), config, { tap, training: { dropPath: { rate: 0.5, drop } } });
  const weights = weightsOf(tree);
  const zeros = { shape: [2], data: [0, 0] };
  const results = await evaluate(
    { before: taps["stages.0.blocks.0"]!, after: taps["stages.0.blocks.1"]! },
    {
      x: noise([2, 3, 16, 16]),
      "drop.stages.0.blocks.1.attn": zeros,
      "drop.stages.0.blocks.1.ffn": zeros,
      ...weights,
    },
  );
  const bias = (norm: number, c: number) => at(weights[`stages.0.blocks.1.norm${norm}.bias`]!, [c]);
  const expected = nd(
    results.before!.shape,
    ([b, t, c]) => at(results.before!, [b!, t!, c!]) + bias(1, c!) + bias(2, c!),
  );
  expect(relativeL2(results.after!.data, expected.data)).toBeLessThan(1e-6);
});

test("vit: a dropped feed-forward branch contributes nothing, while attention stays", async () => {
  const { tree, shape, build } = encoders.vit!;
  const { drop } = dropInputs();
  const weights = weightsOf(tree);
  // Without the second layer's FFN weights the branch is zero as well.
  const silent = Object.fromEntries(
    Object.entries(weights).map(([name, w]) =>
      name.startsWith("layers.2.ffn.layers.1") ? [name, nd(w.shape, () => 0)] : [name, w],
    ),
  );
  const masks = { "drop.layers.1.ffn": nd([3], () => 1), "drop.layers.2.ffn": nd([3], () => 0) };
  const x = noise(shape);
  const a = await evaluate({ y: build({ dropPath: { rate: 0.5, drop } }) }, { x, ...masks, ...weights });
  const b = await evaluate({ y: build({}) }, { x, ...silent });
  expect(relativeL2(a.y!.data, b.y!.data)).toBeLessThan(1e-6);
});

test.each(Object.keys(encoders))(
  "%s: recomputed, with drop path, every gradient is the same bit for bit",
  async (name) => {
    const { tree, shape, build } = encoders[name]!;
    const differentiate = (recompute: boolean) => {
      const { drop, masks } = dropInputs();
      const y = build({ recompute, dropPath: { rate: 0.5, drop } });
      const leaves = topologicalOrder([y]).flatMap((node) =>
        node.kind === "parameter" ? [{ ...node.value, node, output: 0, name: node.name }] : [],
      );
      const found = gradients([{ of: y, value: input("c", y.shape) }], leaves);
      return { outputs: Object.fromEntries(leaves.map((leaf, i) => [`grad.${leaf.name}`, found[i]!])), masks, y };
    };
    const plain = differentiate(false);
    const fixed = plain.y.shape.map((dim) => (typeof dim === "number" ? dim : 3));
    const masks = Object.fromEntries(plain.masks.map((mask) => [mask.name, nd([3], ([b]) => [2, 0, 2][b!]!)]));
    const feeds = { x: noise(shape), c: noise(fixed, 5), ...masks, ...weightsOf(tree) };
    const expected = await evaluate(plain.outputs, feeds);
    expect(Object.keys(expected).length).toBeGreaterThan(20);
    expect(await evaluate(differentiate(true).outputs, feeds)).toEqual(expected);
  },
);

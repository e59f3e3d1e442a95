import { afterAll, expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import type { StoredTensor } from "../core/safetensors.ts";
import { toOnnx } from "../graph/onnx.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { firstStage } from "../model/detection/faster-rcnn.ts";
import { initialise } from "../model/initialise.ts";
import { isAdapter, type LoraOptions } from "../model/lora.ts";
import { listParameters, type ParameterTree } from "../model/parameters.ts";
import { presets } from "../model/presets.ts";
import { createRuntime } from "../runtime/runtime.node.ts";
import { type Weights, weightsFromTensors } from "../runtime/weights.ts";
import { withoutAdapters } from "../train/tuning.ts";
import { classifier, initClassifier } from "./classification/head.ts";
import { bindDetector, fasterRcnnOf, initDetector } from "./detection/head.ts";
import { inferenceGraph, initSegmenter } from "./segmentation/head.ts";

/** What a task's model computes with its adapters beside the weights, and what its users run: adapters added to them. */

const runtime = createRuntime({ threads: 1 });
afterAll(() => runtime.release());
const side = 64;
const adapters: LoraOptions = { rank: 2, alpha: 4 };
const common = { model: presets.tiny, size: side, adapters } as const;
const hr = { ...common, sensor: "hr", bands: [0, 1, 2] } as const;

function trainedWeights(tree: ParameterTree): Weights {
  const values = initialise(tree, { seed: 1 });
  const random = createRandom(2);
  const tensors = listParameters(tree).map(([name, { shape }]): [string, StoredTensor] => {
    const data = values.get(name)! as Float32Array<ArrayBuffer>;
    if (isAdapter(name)) for (let i = 0; i < data.length; i++) data[i] = 0.2 * random.normal();
    return [name, { dtype: "F32", shape, data }];
  });
  return weightsFromTensors(new Map(tensors));
}

async function run(graph: Tensor, weights: Weights, bands: number): Promise<Float32Array> {
  const session = await runtime.compile(toOnnx({ y: graph }), { device: "cpu", weights });
  const random = createRandom(3);
  const data = Float32Array.from({ length: bands * side * side }, () => random.normal());
  const { y } = await session.run({ images: { data, shape: [1, bands, side, side] } });
  return y!.data as Float32Array;
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((x, i) => x - b[i]!)) / Math.hypot(...b);
}

interface Case<C extends { adapters?: LoraOptions | undefined }> {
  config: C;
  tree: (config: C) => ParameterTree;
  graph: (config: C) => Tensor;
}

async function check<C extends { adapters?: LoraOptions | undefined }>({ config, tree, graph }: Case<C>, bands = 3) {
  const weights = trainedWeights(tree(config));
  const ready = withoutAdapters({ config, weights });
  const names = listParameters(tree(ready.config as C)).map(([name]) => name);
  expect([...ready.weights.entries.keys()]).toEqual(names);
  const [whole, folded] = [
    await run(graph(config), weights, bands),
    await run(graph(ready.config as C), ready.weights, bands),
  ];
  expect(distance(folded, whole)).toBeLessThan(1e-5);
  // The adapters do count.
  const untouched = await run(graph(ready.config as C), weights, bands);
  expect(distance(untouched, whole)).toBeGreaterThan(1e-3);
}

const classes = ["a", "b", "c"];

test.each(["hr", "s2"] as const)("classification, %s: adapters fold exactly into the weights", async (sensor) => {
  const bands = sensor === "hr" ? hr.bands : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const config = { ...hr, sensor, bands, classes, multiLabel: false };
  await check({ config, tree: initClassifier, graph: (c) => classifier(c) }, bands.length);
});

test("segmentation: adapters fold exactly into the weights", async () => {
  const config = {
    ...hr,
    classes: classes.map((name) => ({ name, colour: "#ff0000" })),
    head: { channels: 8, auxiliary: 4, dropout: 0 },
  };
  await check({ config, tree: initSegmenter, graph: (c) => inferenceGraph(c, [side, side]) });
});

test("detection: adapters fold exactly into the weights", async () => {
  const config = { ...common, classes, oriented: false, head: { channels: 8, width: 16 }, anchorScale: 4 };
  await check({
    config,
    tree: initDetector,
    graph: (c) => firstStage(bindDetector(c), input("images", [1, 3, side, side]), fasterRcnnOf(c)).logits[0]!,
  });
});

import { availableParallelism } from "node:os";
import { mean } from "../src/graph/ops/reduce.ts";
import { batchDim } from "../src/graph/shape.ts";
import { input, type Tensor } from "../src/graph/tensor.ts";
import { initialise } from "../src/model/initialise.ts";
import { initLinear, type LinearParams, linear } from "../src/model/linear.ts";
import { bindParameters, listParameters, type ParameterTree } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { initSwin, type SwinConfig, type SwinParams, swin } from "../src/model/swin-v2.ts";
import { initVit, type VitConfig, type VitParams, vit } from "../src/model/vit.ts";
import { gemmGraph } from "../src/runtime/gemm-graph.ts";
import { inlineSession } from "../src/runtime/inline.node.ts";
import type { HostTensor } from "../src/runtime/session.ts";
import { alone } from "../src/train/communicator.ts";
import { normOf, spansOf } from "../src/train/flat.ts";
import { plainGroups } from "../src/train/groups.ts";
import { crossEntropy } from "../src/train/losses/cross-entropy.ts";
import { update } from "../src/train/optimiser.ts";
import { createState } from "../src/train/state.ts";
import { separateSteps } from "../src/train/step.node.ts";
import { differentiate } from "../src/train/train-graph.ts";
import { compareRuns, conclude, Ratios } from "./harness.ts";
import { productsOf } from "./products.ts";

/*
 * A training step (forward, backward, norms, AdamW) as a share of the speed of its own matrix products alone
 * (products.ts), in turns in one process; and what of the step the optimiser takes.
 * `node train-step.js [part of a name] [--write]`.
 */

interface Model {
  parameters: ParameterTree;
  classify: (image: Tensor, head: LinearParams) => Tensor;
  /** Channels that the head sees. */
  width: number;
  bands: number;
}

function swinModel(config: SwinConfig): Model {
  const last = config.depths.length - 1;
  const options = { ...config, outputs: [last] };
  const parameters = initSwin(options);
  return {
    parameters: { ...parameters },
    width: config.width * 2 ** last,
    bands: config.bands,
    classify: (image, head) => {
      const { x } = swin(bindParameters(parameters) as SwinParams, image, options).get(last)!;
      return linear(head, mean(x, { axes: [1] }));
    },
  };
}

function vitModel(config: VitConfig): Model {
  const parameters = initVit(config);
  return {
    parameters: { ...parameters },
    width: config.width,
    bands: config.bands,
    classify: (image, head) => {
      const { x } = vit(bindParameters(parameters) as VitParams, image, config).get(config.depth - 1)!;
      return linear(head, mean(x, { axes: [1] }));
    },
  };
}

const vitBase = { ...presets.huge.s2.encoder, bands: 3, patch: 16, image: [224, 224] } as const;
const swinBase = { ...presets.huge.hr, extraNormEvery: 0 };

const cases: Record<string, { model: () => Model; batch: number; side: number }> = {
  "train nano HR, 16 × 128 px": { model: () => swinModel(presets.nano.hr), batch: 16, side: 128 },
  "train ViT D384 L6, 16 × 196 tokens": {
    model: () => vitModel({ ...vitBase, width: 384, depth: 6, heads: 6, outputs: [5] }),
    batch: 16,
    side: 224,
  },
  "train Swin V2 stage D192, 2 blocks, 2 × 64 × 64": {
    model: () =>
      swinModel({ ...swinBase, width: 192, depths: [2], heads: [6], pretrainedWindow: [0], window: 8 } as SwinConfig),
    batch: 2,
    side: 256,
  },
};

const classes = 30;

async function measure(name: string, ratios: Ratios): Promise<void> {
  const { model, batch, side } = cases[name]!;
  const { parameters, classify, width, bands } = model();
  const head = initLinear(width, classes);
  const tree = { ...(parameters as Record<string, ParameterTree>), head };
  const build = () => {
    const logits = classify(
      input("image", [batchDim(), bands, side, side]),
      bindParameters(head, "head") as LinearParams,
    );
    return { loss: crossEntropy(logits, input("label", [batchDim()], "int64")) };
  };
  const values = initialise(tree, { seed: 0 });
  const state = createState(
    listParameters(tree).map(([key, { shape }]) => [key, { shape, data: values.get(key)! }] as const),
    { trainable: () => true, roles: ["parameters", "gradients", "first", "second"] },
  );
  const threads = availableParallelism();
  const steps = separateSteps(build, { state, communicator: alone, session: { threads } });
  const image: HostTensor = {
    data: Float32Array.from({ length: batch * bands * side * side }, (_, i) => Math.sin(i)),
    shape: [batch, bands, side, side],
  };
  const label: HostTensor = {
    data: BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % classes)),
    shape: [batch],
  };
  const batches = [{ feeds: { image, label }, samples: batch, files: [] }];

  let [graphMs, optimiserMs, step] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0];
  const trainStep = async () => {
    const began = performance.now();
    const { touched } = await steps.run(batches, { stop: false });
    const computed = performance.now();
    normOf(state.flat, "gradients");
    const spans = spansOf(state.flat, ({ name, shape }) =>
      touched.has(name) ? plainGroups(name, shape) : undefined,
    );
    update(state.flat, spans, { kind: "adamw", weightDecay: 0.05 }, { step: step++, lr: 1e-4 });
    normOf(state.flat, "parameters");
    graphMs = Math.min(graphMs, computed - began);
    optimiserMs = Math.min(optimiserMs, performance.now() - computed);
  };

  for (let i = 0; i < 2; i++) await trainStep();
  const peakGb = process.resourceUsage().maxRSS / 2 ** 20;

  const { outputs } = differentiate(build(), { trainable: () => true });
  const { graph, weights, feeds, flops } = gemmGraph(productsOf(Object.values(outputs), batch));
  const reads = Object.fromEntries(
    graph.parameters.map(({ name: key, shape }) => [key, { data: weights.float32(key), shape: shape as number[] }]),
  );
  const bare = await inlineSession(graph, { reads, writes: {}, threads });
  const comparison = await compareRuns({ a: trainStep, b: () => bare.run(feeds) });
  ratios.add(name, comparison);
  const count = state.flat.slots.reduce((sum, { length }) => sum + length, 0);
  console.log(
    `  ${(count / 1e6).toFixed(1)} M parameters; peak memory of the process so far ${peakGb.toFixed(2)} GiB; ${(flops / comparison.aMs / 1e6).toFixed(0)} GF/s; ` +
      `graph ${graphMs.toFixed(1)} ms; clip norm, AdamW and norms ${optimiserMs.toFixed(1)} ms, ` +
      `${((100 * optimiserMs) / (graphMs + optimiserMs)).toFixed(1)} % of a step, ` +
      `${((1e6 * optimiserMs) / count).toFixed(2)} ns a parameter`,
  );
  await Promise.all([steps.release(), bare.release()]);
}

const wanted = process.argv.slice(2).find((argument) => !argument.startsWith("--")) ?? "";
const ratios = new Ratios();
for (const name of Object.keys(cases)) if (name.includes(wanted)) await measure(name, ratios);
conclude(ratios.finish());

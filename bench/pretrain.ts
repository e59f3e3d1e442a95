/**
 * A step of pre-training as a share of the speed of its own matrix products alone, in turns; places/s, peak memory, and
 * how they grow with size, views and dates. From the first case, how long the paper's run would take: 21.5 million
 * places, 9.8 passes. `node pretrain.js [part of a name] [--write]`.
 */
import { availableParallelism } from "node:os";
import type { ImageStack, Place } from "../src/core/place.ts";
import { modelBands } from "../src/imagery/sensor/profiles.ts";
import { initialise } from "../src/model/initialise.ts";
import { listParameters } from "../src/model/parameters.ts";
import { type PresetName, presets } from "../src/model/presets.ts";
import { placeBatches } from "../src/pretrain/batches.node.ts";
import { pretrainGraph, pretrainTree } from "../src/pretrain/graph.ts";
import { defaults, type PretrainSettings } from "../src/pretrain/settings.ts";
import { gemmGraph } from "../src/runtime/gemm-graph.ts";
import { inlineSession } from "../src/runtime/inline.node.ts";
import { alone } from "../src/train/communicator.ts";
import { createState } from "../src/train/state.ts";
import { separateSteps } from "../src/train/step.node.ts";
import { differentiate, type SeparateGraph } from "../src/train/train-graph.ts";
import { compareRuns, conclude, Ratios } from "./harness.ts";
import { productsOf } from "./products.ts";

interface Case {
  model?: PresetName;
  place: () => Place;
  settings: Partial<PretrainSettings>;
}

const stack = (bands: readonly string[], { dates, side }: { dates: number; side: number }): ImageStack => ({
  data: Float32Array.from({ length: dates * bands.length * side * side }, (_, i) => (i * 7919) % 251),
  shape: [dates, bands.length, side, side],
  bands,
  dates: Array.from({ length: dates }, (_, t) => `2021-0${1 + t}-15`),
});
const hr = () => ({ hr: stack(["R", "G", "B"], { dates: 1, side: 128 }) });
const series = (dates: number) => () => ({
  s2: stack(modelBands("s2"), { dates, side: 48 }),
  s1: stack(["VV", "VH"], { dates: Math.ceil(dates / 2), side: 48 }),
});
const imageLevel = { weights: { image: 1, object: 0, pixel: 0, align: 0 } };
const cases: Record<string, Case> = {
  "nano, HR, 2 views of 64 px, image level": { place: hr, settings: { batchSize: 32, ...imageLevel } },
  "nano, HR, all levels": { place: hr, settings: { batchSize: 32 } },
  "nano, HR, 4 local views more": { place: hr, settings: { batchSize: 32, locals: 4 } },
  "nano, HR, views of 128 px": { place: hr, settings: { batchSize: 8, globalSize: 128 } },
  "tiny, HR, all levels": { model: "tiny", place: hr, settings: { batchSize: 32 } },
  "nano, 1 + 1 dates of S2 and S1": { place: series(1), settings: { sentinelBatchSize: 4 } },
  "nano, 4 + 2 dates of S2 and S1": { place: series(4), settings: { sentinelBatchSize: 4 } },
};

const paperSequences = 21.5e6;
const paperPasses = 9.8;

async function measure(name: string, ratios: Ratios): Promise<void> {
  const { model = "nano", place, settings: given } = cases[name]!;
  const config = presets[model];
  const settings = { ...defaults, starts: { image: 0, object: 0, pixel: 0, align: 0 }, ...given };
  const places = Array.from({ length: 64 }, (_, i) => ({ id: `place ${i}`, source: { place: place() } }));
  const source = placeBatches(places, { config, settings, workers: 0 });
  const batch = await source.batch(0);
  await source.close?.();

  const tree = pretrainTree(config, settings);
  const values = initialise(tree, { seed: 0 });
  const specs = listParameters(tree);
  const fixed = new Set(specs.flatMap(([key, { buffer }]) => (buffer ? [key] : [])).concat("geo_context.prototypes"));
  const state = createState(
    specs.map(([key, { shape }]) => [key, { shape, data: values.get(key)! }] as const),
    { trainable: (key) => !fixed.has(key), roles: ["parameters", "gradients", "averages"] },
  );
  const build = (shapes: Record<string, readonly number[]>): SeparateGraph => {
    const { couple, features, buffers } = pretrainGraph(shapes, config, settings);
    return { ...couple(features), ...(buffers && { buffers }) };
  };
  const threads = availableParallelism();
  const steps = separateSteps((shapes) => build({ ...shapes }), { state, communicator: alone, session: { threads } });
  const shapes = Object.fromEntries(Object.entries(batch.feeds).map(([key, { shape }]) => [key, shape]));
  const { outputs } = differentiate(build(shapes), { trainable: (key) => !fixed.has(key) });
  const images = (batch.feeds["s2.image"] ?? batch.feeds["hr.image"])!.shape[0]!;
  const { graph, weights, feeds, flops } = gemmGraph(productsOf(outputs, images));
  const reads = Object.fromEntries(
    graph.parameters.map(({ name: key, shape }) => [key, { data: weights.float32(key), shape: shape as number[] }]),
  );
  const bare = await inlineSession(graph, { reads, writes: {}, threads });
  const result = await compareRuns({
    a: () => steps.run([batch], { stop: false }),
    b: () => bare.run(feeds),
    rounds: 5,
  });
  ratios.add(`pretrain ${name}`, result);
  const perSecond = (1000 * batch.samples) / result.aMs;
  const peak = process.resourceUsage().maxRSS / 2 ** 20;
  const days = (paperSequences * paperPasses) / perSecond / 86400;
  console.log(
    `  ${perSecond.toFixed(1)} places/s, ${(flops / batch.samples / 1e9).toFixed(1)} GFLOP a place in products; peak memory so far ${peak.toFixed(2)} GiB; ` +
      `the paper's ${paperSequences / 1e6} million places, ${paperPasses} times: ${days.toFixed(0)} days of this machine`,
  );
  await Promise.all([steps.release(), bare.release()]);
}

const wanted = process.argv.slice(2).find((argument) => !argument.startsWith("--")) ?? "";
const ratios = new Ratios();
for (const name of Object.keys(cases)) if (name.includes(wanted)) await measure(name, ratios);
conclude(ratios.finish());

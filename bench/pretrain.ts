/**
 * A step of pre-training as a share of the speed of its own matrix products alone, in turns; places/s and peak memory.
 * `node pretrain.js [part of a name] [--write]`; with `--row` one line of JSON, for pretrain-sweep, and no record.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { ImageStack, Place } from "../src/core/place.ts";
import { modelBands } from "../src/imagery/sensor/profiles.ts";
import { initialise } from "../src/model/initialise.ts";
import { countParameters, listParameters, type ParameterTree } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { initSkySense, type SkySenseConfig } from "../src/model/skysense.ts";
import { placeBatches } from "../src/pretrain/batches.node.ts";
import { pretrainGraph, pretrainTree } from "../src/pretrain/graph.ts";
import { defaults, type PretrainSettings } from "../src/pretrain/settings.ts";
import { gemmGraph } from "../src/runtime/gemm-graph.ts";
import { inlineSession } from "../src/runtime/inline.node.ts";
import { alone } from "../src/train/communicator.ts";
import { createState } from "../src/train/state.ts";
import { separateSteps } from "../src/train/step.node.ts";
import { differentiate, type SeparateGraph } from "../src/train/train-graph.ts";
import { type Comparison, compareRuns, conclude, Ratios } from "./harness.ts";
import { productsOf } from "./products.ts";

export interface Case {
  model?: SkySenseConfig;
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
const { nano } = presets;
/** nano with twice the channels everywhere: four times the numbers. */
const double: SkySenseConfig = {
  ...nano,
  hr: { ...nano.hr, width: 96 },
  s2: { encoder: { ...nano.s2.encoder, width: 256 }, head: { ...nano.s2.head, width: 256, outputWidth: 768 } },
  s1: { encoder: { ...nano.s1.encoder, width: 256 }, head: { ...nano.s1.head, width: 256, outputWidth: 768 } },
  fusion: { ...nano.fusion, inputWidth: 768, width: 384 },
  geoContext: { ...nano.geoContext, width: 384 },
};

export const cases: Record<string, Case> = {
  "nano, HR, 2 views of 64 px, image level": { place: hr, settings: { batchSize: 32, ...imageLevel } },
  "nano, HR, all levels": { place: hr, settings: { batchSize: 32 } },
  "nano, HR, 4 local views more": { place: hr, settings: { batchSize: 32, locals: 4 } },
  "nano, HR, 8 local views more": { place: hr, settings: { batchSize: 32, locals: 8 } },
  "nano, HR, views of 128 px": { place: hr, settings: { batchSize: 8, globalSize: 128 } },
  "tiny, HR, all levels": { model: presets.tiny, place: hr, settings: { batchSize: 32 } },
  "nano with twice the channels, HR, all levels": { model: double, place: hr, settings: { batchSize: 32 } },
  "nano, 1 + 1 dates of S2 and S1": { place: series(1), settings: { sentinelBatchSize: 4 } },
  "nano, 4 + 2 dates of S2 and S1": { place: series(4), settings: { sentinelBatchSize: 4 } },
  "nano, 8 + 4 dates of S2 and S1": {
    place: series(8),
    settings: { sentinelBatchSize: 4, dates: { s2: 8, s1: 4 } },
  },
};

/** What was measured of a case. */
export interface Row {
  name: string;
  parameters: number;
  placesPerSecond: number;
  /** Of the matrix products of a place, both passes. */
  gflop: number;
  /** Speed as a share of that of the products alone. */
  ratio: number;
  /** Of the whole process. */
  peakGiB: number;
}

async function measure(name: string, { rounds }: { rounds: number }): Promise<{ row: Row; compared: Comparison }> {
  const { model: config = presets.nano, place, settings: given } = cases[name]!;
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
  const { graph, weights, feeds, flops } = gemmGraph(productsOf(Object.values(outputs), images));
  const reads = Object.fromEntries(
    graph.parameters.map(({ name: key, shape }) => [key, { data: weights.float32(key), shape: shape as number[] }]),
  );
  const bare = await inlineSession(graph, { reads, writes: {}, threads });
  const compared = await compareRuns({
    a: () => steps.run([batch], { stop: false }),
    b: () => bare.run(feeds),
    rounds,
  });
  const row = {
    name,
    parameters: countParameters(initSkySense(config) as ParameterTree),
    placesPerSecond: (1000 * batch.samples) / compared.aMs,
    gflop: flops / batch.samples / 1e9,
    ratio: compared.ratio,
    peakGiB: process.resourceUsage().maxRSS / 2 ** 20,
  };
  await Promise.all([steps.release(), bare.release()]);
  return { row, compared };
}

async function main([wanted = "", ...flags]: readonly string[]): Promise<void> {
  if (flags.includes("--row")) {
    console.log(JSON.stringify((await measure(wanted, { rounds: 2 })).row));
    return;
  }
  const ratios = new Ratios();
  for (const name of Object.keys(cases)) {
    if (!name.includes(wanted.startsWith("--") ? "" : wanted)) continue;
    const { row, compared } = await measure(name, { rounds: 5 });
    ratios.add(`pretrain ${name}`, compared);
    console.log(
      `  ${row.placesPerSecond.toFixed(1)} places/s, ${row.gflop.toFixed(1)} GFLOP a place in products; ` +
        `peak memory so far ${row.peakGiB.toFixed(2)} GiB`,
    );
  }
  conclude(ratios.finish());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));

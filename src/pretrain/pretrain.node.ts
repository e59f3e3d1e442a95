import { join } from "node:path";
import { writeConfig } from "../checkpoint/model-file.ts";
import { sensorNames } from "../core/place.ts";
import type { LongCall } from "../core/progress.ts";
import { toFloat32 } from "../core/safetensors.ts";
import { openModel } from "../embed/load-model.node.ts";
import type { LabelledSet } from "../evaluate/labelled-set.ts";
import { initialise } from "../model/initialise.ts";
import { listParameters } from "../model/parameters.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import type { Weights } from "../runtime/weights.ts";
import type { Communicator } from "../train/communicator.ts";
import type { Values } from "../train/state.ts";
import { train } from "../train/trainer.node.ts";
import { placeBatches, type UnlabelledPlace } from "./batches.node.ts";
import { exportModel } from "./export-model.node.ts";
import { pretrainGraph, pretrainTree } from "./graph.ts";
import { knnMonitor } from "./knn-monitor.node.ts";
import { maskedGraph, maskedTree } from "./masked.ts";
import { defaults, type PretrainSettings } from "./settings.ts";
import { rangesFor, watch } from "./watch.ts";

export interface PretrainOptions extends LongCall {
  /** From a list (`readPlaceList`), or in memory. */
  places: readonly UnlabelledPlace[];
  /** Folder for the run. */
  out: string;
  /** A model to go on from, or one with random weights. Default "nano-random". */
  model?: string;
  settings?: Partial<PretrainSettings>;
  /** A labelled set whose training part is judged by k-NN during the run. */
  monitor?: { set: LabelledSet; every: number };
  communicator?: Communicator;
  threads?: number;
  /** Threads that decode and augment. Default 1. */
  workers?: number;
}

export interface PretrainResult {
  config: SkySenseConfig;
  /** All of the run, heads included. */
  weights: Weights;
  /** The file with the model alone, in float16. */
  path: string;
  settings: PretrainSettings;
  failures: readonly { id: string; reason: string }[];
  seconds: number;
}

/**
 * Pre-train a model on places without labels (Guo et al. 2024, arXiv:2312.10115, §3.3). A run that was interrupted
 * goes on when the same call is made again.
 *
 * @throws SkySenseError those of `createLoader` and `train` | `COLLAPSED` | `BAD_MASKING`
 */
export async function pretrain(options: PretrainOptions): Promise<PretrainResult> {
  const { places, out, model = "nano-random", monitor, communicator, threads, signal, onProgress } = options;
  const settings: PretrainSettings = { ...defaults, ...options.settings };
  const base = openModel(model, { seed: settings.seed });
  const { config } = base.info;
  const source = placeBatches(places, { ...options, config, settings });
  const [treeOf, graphOf] = settings.form === "mae" ? [maskedTree, maskedGraph] : [pretrainTree, pretrainGraph];
  const tree = treeOf(config, settings);
  const buffers = new Set(listParameters(tree).flatMap(([name, { buffer }]) => (buffer ? [name] : [])));
  buffers.add("geo_context.prototypes"); // learnt, but not by gradients
  const info = { name: base.info.name, config, trainedOn: summaryOf(places) };
  const metadata = writeConfig({ ...info, trained: true });
  const knn = monitor && knnMonitor(monitor.set, config, { seed: settings.seed, features: ["hr", "fused"] });
  const began = performance.now();
  const { weights } = await train({
    out,
    parameters: parametersOf(tree, base.weights, settings.seed),
    trainable: (name) => !buffers.has(name),
    buildGraph: (shapes) => graphOf(shapes, config, settings),
    data: source,
    optimiser: { kind: "adamw", weightDecay: settings.weightDecay, betas: [0.9, 0.95] },
    schedule: { kind: "cosine", lr: settings.lr, warmup: Math.ceil(settings.warmup * settings.steps), end: 0.02 },
    steps: settings.steps,
    seed: settings.seed,
    clip: settings.clip,
    average: settings.momentum,
    checkpoint: { every: 100 },
    watch: watch({ from: Math.ceil(2 * settings.warmup * settings.steps), ranges: rangesFor(settings.balance) }),
    ...(knn && {
      evaluate: { every: monitor.every, run: (trained, { signal }) => knn(trained, signal ? { signal } : {}) },
    }),
    config: { model: config, settings, weights: await base.weights.sha256(), places: places.map(({ id }) => id) },
    metadata,
    ...(communicator && { communicator }),
    ...(threads && { threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  base.weights.close();
  const path = join(out, "skysense.safetensors");
  if ((communicator?.rank ?? 0) === 0) await exportModel(weights, path, info);
  return {
    config,
    weights,
    path,
    settings,
    failures: source.failures(),
    seconds: (performance.now() - began) / 1000,
  };
}

/** "12267 places without labels (hr: 11797, s2: 354, s1: 231)". */
function summaryOf(places: readonly UnlabelledPlace[]): string {
  const counts = sensorNames.flatMap((sensor) => {
    const count = places.filter(({ sensors }) => sensors?.includes(sensor)).length;
    return count === 0 ? [] : [`${sensor}: ${count}`];
  });
  return `${places.length} places without labels${counts.length === 0 ? "" : ` (${counts.join(", ")})`}`;
}

/** The model's weights where it has some, all else fresh. */
function parametersOf(tree: ReturnType<typeof pretrainTree>, weights: Weights, seed: number): [string, Values][] {
  const fresh = initialise(tree, { seed });
  return listParameters(tree).map(([name, { shape }]) => {
    const data = weights.entries.has(name) ? toFloat32(weights.get(name)) : fresh.get(name)!;
    return [name, { shape, data: data as Float32Array<ArrayBuffer> }];
  });
}

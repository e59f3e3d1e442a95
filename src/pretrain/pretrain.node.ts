import { join } from "node:path";
import { writeConfig } from "../checkpoint/model-file.ts";
import { SkySenseError } from "../core/error.ts";
import type { SensorName } from "../core/place.ts";
import type { LongCall } from "../core/progress.ts";
import { createRandom, type Random } from "../core/random.ts";
import { toFloat32 } from "../core/safetensors.ts";
import { openModel } from "../embed/load-model.node.ts";
import { pixelsPerCell } from "../embed/prepare.ts";
import type { LabelledSet } from "../evaluate/labelled-set.ts";
import type { PlaceSource } from "../imagery/scene/place-source.node.ts";
import { modelBands } from "../imagery/sensor/profiles.ts";
import { initialise } from "../model/initialise.ts";
import { listParameters } from "../model/parameters.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import type { Weights } from "../runtime/weights.ts";
import type { Batch, BatchSource } from "../train/batch.ts";
import type { Communicator } from "../train/communicator.ts";
import type { Recipe } from "../train/data/augment.ts";
import { createLoader, type Loader, type TrainingSample } from "../train/data/loader.node.ts";
import { shareOf } from "../train/data/order.ts";
import type { Values } from "../train/state.ts";
import { train } from "../train/trainer.node.ts";
import { exportModel } from "./export-model.node.ts";
import { feedsOf } from "./feeds.ts";
import { pretrainGraph, pretrainTree } from "./graph.ts";
import { knnMonitor } from "./knn-monitor.node.ts";
import { defaults, type PretrainSettings } from "./settings.ts";
import { watch } from "./watch.ts";

/** A place to learn from. */
export interface UnlabelledPlace {
  /** Its name in messages. */
  id: string;
  source: PlaceSource;
  /** What it has; default: what its description says. */
  sensors?: readonly SensorName[];
}

export interface PretrainOptions extends LongCall {
  /** From a list (`readPlaceList`), or in memory. */
  places: readonly UnlabelledPlace[];
  /** Folder for the run. */
  out: string;
  /** A preset (random weights) or a model file to go on from. Default "nano". */
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
 * @throws SkySenseError those of `createLoader` and `train` | `COLLAPSED`
 */
export async function pretrain(options: PretrainOptions): Promise<PretrainResult> {
  const { places, out, model = "nano", monitor, communicator, threads, signal, onProgress } = options;
  const settings: PretrainSettings = { ...defaults, ...options.settings };
  const base = openModel(model, { seed: settings.seed });
  const { config } = base.info;
  const source = kindsOf(places, config, options, settings);
  const tree = pretrainTree(config, settings);
  const buffers = new Set(listParameters(tree).flatMap(([name, { buffer }]) => (buffer ? [name] : [])));
  buffers.add("geo_context.prototypes"); // learnt, but not by gradients
  const metadata = writeConfig({ name: `${base.info.name}, pre-trained`, config, trained: true });
  const knn = monitor && knnMonitor(monitor.set, config, { seed: settings.seed, features: ["hr", "fused"] });
  const began = performance.now();
  const { weights } = await train({
    out,
    parameters: parametersOf(tree, base.weights, settings.seed),
    trainable: (name) => !buffers.has(name),
    buildGraph: (shapes) => pretrainGraph(shapes, config, settings),
    data: source,
    optimiser: { kind: "adamw", weightDecay: settings.weightDecay, betas: [0.9, 0.95] },
    schedule: { kind: "cosine", lr: settings.lr, warmup: Math.ceil(settings.warmup * settings.steps), end: 0.02 },
    steps: settings.steps,
    seed: settings.seed,
    clip: settings.clip,
    average: settings.momentum,
    watch: watch({ from: Math.ceil(2 * settings.warmup * settings.steps) }),
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
  if ((communicator?.rank ?? 0) === 0) await exportModel(weights, path, { config, name: base.info.name });
  return {
    config,
    weights,
    path,
    settings,
    failures: source.failures(),
    seconds: (performance.now() - began) / 1000,
  };
}

/** The model's weights where it has some, all else fresh. */
function parametersOf(tree: ReturnType<typeof pretrainTree>, weights: Weights, seed: number): [string, Values][] {
  const fresh = initialise(tree, { seed });
  return listParameters(tree).map(([name, { shape }]) => {
    const data = weights.entries.has(name) ? toFloat32(weights.get(name)) : fresh.get(name)!;
    return [name, { shape, data: data as Float32Array<ArrayBuffer> }];
  });
}

/** Places with HR images and places without lie on grids of different sizes: a batch holds one kind. */
interface Kind {
  loader: Loader;
  places: number;
  /** Where this process's share of a batch begins. */
  first: number;
}

type Source = BatchSource & { failures(): readonly { id: string; reason: string }[] };

function kindsOf(
  places: readonly UnlabelledPlace[],
  config: SkySenseConfig,
  { communicator, workers = 1 }: Pick<PretrainOptions, "communicator" | "workers">,
  settings: PretrainSettings,
): Source {
  const share = communicator === undefined ? {} : { share: { rank: communicator.rank, size: communicator.size } };
  const groups = [places.filter((place) => hasHr(place)), places.filter((place) => !hasHr(place))];
  const kinds = groups.flatMap((group, k): Kind[] => {
    if (group.length === 0) return [];
    const samples = group.map(({ id, source }): TrainingSample => ({ id, source, labels: [] }));
    const batchSize = k === 0 ? settings.batchSize : settings.sentinelBatchSize;
    const [recipe, ...views] = recipesOf(config, settings, { hr: k === 0 });
    const loader = createLoader({
      samples,
      classes: 0,
      batchSize,
      seed: settings.seed,
      recipe: recipe!,
      views,
      workers,
      ...share,
    });
    return [
      { loader, places: group.length, first: communicator === undefined ? 0 : shareOf(batchSize, communicator)[0] },
    ];
  });
  if (kinds.length === 0) {
    throw new SkySenseError({
      code: "NO_SAMPLES",
      what: "the list holds no places",
      remedy: "Give at least one place.",
    });
  }
  return {
    async batch(index, options): Promise<Batch> {
      const [kind, position] = turnOf(index, kinds);
      const batch = await kind.loader.batch(position, options);
      const randomOf = perSample(settings.seed, { batch: index, first: kind.first });
      const feeds = feedsOf(batch, { step: index, settings, config, randomOf });
      return { feeds, samples: batch.samples, files: batch.ids };
    },
    async close() {
      await Promise.all(kinds.map(({ loader }) => loader.close()));
    },
    failures: () => kinds.flatMap(({ loader }) => loader.failures),
  };
}

/** Does a place have HR images? What is not described as something else has. */
function hasHr({ source, sensors }: UnlabelledPlace): boolean {
  if (sensors !== undefined) return sensors.includes("hr");
  if ("place" in source) return source.place.hr !== undefined;
  if ("read" in source) return true;
  const { describe, ...options } = source.options ?? {};
  if (options.sensor !== undefined) return options.sensor === "hr";
  const described =
    typeof describe !== "object"
      ? []
      : "files" in describe
        ? describe.files.map(({ sensor }) => sensor)
        : [describe.sensor];
  if (options.hr !== undefined || described.includes("hr")) return true;
  return options.s2 === undefined && options.s1 === undefined && described.every((sensor) => sensor === undefined);
}

/** A generator for each sample of a batch, whichever process has it. */
function perSample(seed: number, { batch, first }: { batch: number; first: number }): (sample: number) => Random {
  const known = new Map<number, Random>();
  return (sample) => {
    const random = known.get(sample) ?? createRandom(seed, "feeds", batch, first + sample);
    known.set(sample, random);
    return random;
  };
}

/** Which kind's turn it is at a step, in proportion to the roots of their numbers, and which of its batches. */
function turnOf(index: number, kinds: readonly Kind[]): [Kind, number] {
  if (kinds.length === 1) return [kinds[0]!, index];
  const [first, second] = kinds as [Kind, Kind];
  const share = Math.sqrt(second.places) / (Math.sqrt(first.places) + Math.sqrt(second.places));
  const before = Math.floor(index * share);
  return Math.floor((index + 1) * share) > before ? [second, before] : [first, index - before];
}

const hrColours = { probability: 0.8, brightness: 0.3, contrast: 0.3, saturation: 0.2, hue: 0.05 } as const;

/** Two global views, then local ones (HR alone). */
function recipesOf(config: SkySenseConfig, settings: PretrainSettings, { hr }: { hr: boolean }): Recipe[] {
  const { globalSize, localSize, locals, globalArea, localArea, sentinelSize, dates } = settings;
  const cells = hr ? globalSize / pixelsPerCell(config, "hr") : sentinelSize;
  const sentinel = (sensor: "s2" | "s1") =>
    config[sensor] && {
      [sensor]: {
        size: cells * pixelsPerCell(config, sensor),
        bands: modelBands(sensor).slice(0, config[sensor].encoder.bands),
        dates: dates[sensor],
      },
    };
  const hrBands = modelBands("hr").slice(0, config.hr?.bands);
  const common = {
    flips: true,
    rotations: true,
    jitter: hrColours,
    grey: 0.1,
    sentinel: { gain: 0.1, offset: 0.05, speckleLooks: 8 },
  } as const;
  const global = (blur: number): Recipe => ({
    ...common,
    sensors: {
      ...(hr && { hr: { size: globalSize, bands: hrBands, dates: 1 } }),
      ...sentinel("s2"),
      ...sentinel("s1"),
    },
    crop: { area: globalArea },
    blur: { probability: blur, sigma: [0.1, 1] },
  });
  const local: Recipe = {
    ...common,
    sensors: { hr: { size: localSize, bands: hrBands, dates: 1 } },
    crop: { area: localArea },
    blur: { probability: 0.2, sigma: [0.1, 1] },
  };
  return [global(0.2), global(0.2), ...Array.from({ length: hr ? locals : 0 }, () => local)];
}

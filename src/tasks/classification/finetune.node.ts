import { join } from "node:path";
import type { SensorName } from "../../core/place.ts";
import type { LongCall } from "../../core/progress.ts";
import { createRandom } from "../../core/random.ts";
import { openModel } from "../../embed/load-model.node.ts";
import { divide, type LabelledSet, type Sample } from "../../evaluate/labelled-set.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import type { DropMask } from "../../model/training.ts";
import type { HostTensor } from "../../runtime/session.ts";
import type { BatchSource } from "../../train/batch.ts";
import type { Communicator } from "../../train/communicator.ts";
import type { Recipe } from "../../train/data/augment.ts";
import { createLoader, type Loader, type TrainingSample } from "../../train/data/loader.node.ts";
import { type Share, shareOf } from "../../train/data/order.ts";
import { drawMasks } from "../../train/drop-masks.ts";
import { train } from "../../train/trainer.node.ts";
import { encoderGroups, startValues, tunable } from "../../train/tuning.ts";
import { withDefaults } from "../../train/with-defaults.ts";
import { classifierConfig, lookAt } from "./classifier-config.ts";
import { type ClassifierConfig, initClassifier } from "./head.ts";
import { lossGraph } from "./loss.ts";
import { classifierFile } from "./model-file.ts";
import { type Prediction, predictAll } from "./predict.node.ts";

/** How a classifier is trained; all fields have defaults. */
export interface FinetuneSettings {
  /** `full`: everything; `linear`: the head alone. */
  mode: "full" | "linear";
  epochs: number;
  batchSize: number;
  /** Peak learning rate. */
  lr: number;
  weightDecay: number;
  /** Learning rate of a layer as a share of that of the layer after it (specification §5.3); 1: all alike. */
  layerDecay: number;
  /** Stochastic depth of the encoder, where it is trained: the rate at which its last block is left out. */
  dropPath: number;
  smoothing: number;
  /** Of weights, split, order, augmentation and what is dropped. */
  seed: number;
}

export const defaults = {
  mode: "full",
  epochs: 30,
  batchSize: 32,
  lr: 1e-3,
  weightDecay: 0.05,
  layerDecay: 1,
  dropPath: 0.1,
  smoothing: 0.1,
  seed: 0,
} as const satisfies FinetuneSettings;

/** Learns shapes and not the layout of a scene: crops, all eight ways to lay a square, mild colours. */
const recipe = { crop: { area: [0.3, 1] }, flips: true, rotations: true } as const;
const colours = { probability: 0.8, brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.05 } as const;

export interface FinetuneOptions extends Partial<FinetuneSettings>, LongCall {
  set: LabelledSet;
  /** Share of each class to learn from; default: the set's own splits. */
  trainRatio?: number;
  /** Folder for the run. */
  out: string;
  /** A preset (random weights) or a model file. Default "nano". */
  model?: string;
  /** Which sensor the images are of. Default: that of the first. */
  sensor?: SensorName;
  /** Bands that the images have. Default: those of the first. */
  bands?: readonly string[];
  /** Side to which images are brought. */
  size: number;
  /** What the images do not say themselves. */
  scene?: OpenSceneOptions;
  communicator?: Communicator;
  threads?: number;
}

export interface FinetuneResult {
  /** Of the set. */
  name: string;
  /** What the run started from. */
  model: { name: string; trained: boolean; hash: string };
  config: ClassifierConfig;
  settings: FinetuneSettings;
  train: readonly Sample[];
  test: readonly Sample[];
  /** Of the test samples that could be read, in their order; on rank 0 alone. */
  predictions: readonly Prediction[];
  failures: readonly { id: string; reason: string }[];
  seconds: number;
  /** Folder of the run. */
  out: string;
  weights: string;
}

/**
 * Fine-tune a classifier on a labelled set and judge it once, at the end, on the held-out part: nothing is chosen by it.
 * Images may be in one class or in several, as the set says.
 *
 * @throws SkySenseError `SENSOR_UNKNOWN` | `MISSING_BANDS` and those of `divide`, `createLoader` and `train`
 */
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  const { set, trainRatio, out, model = "nano", size, communicator, signal, onProgress } = options;
  const settings = withDefaults<FinetuneSettings>(defaults, options);
  const { mode, seed, epochs, batchSize } = settings;
  const parts = divide(set, { trainRatio, seed });
  const base = openModel(model, { seed });
  const kind = await lookAt(parts.train, options, signal);
  const config = classifierConfig(base.info.config, { ...kind, size, set });
  const { sensor } = config;
  const began = performance.now();
  const share = { rank: communicator?.rank ?? 0, size: communicator?.size ?? 1 };
  const loader = loaderOf(parts.train, config, options, {
    batchSize,
    seed,
    share,
    augmentation: { ...recipe, ...(sensor === "hr" && { jitter: colours }) },
  });
  const tree = initClassifier(config);
  const { graph, masks } = lossGraph(config, { ...settings, dropPath: mode === "full" ? settings.dropPath : 0 });
  const steps = Math.ceil((epochs * parts.train.length) / batchSize);
  const hash = await base.weights.sha256();
  const { weights } = await train({
    out,
    parameters: startValues(tree, { weights: base.weights, seed }),
    trainable: tunable(tree, { mode: mode === "full" ? "full" : "frozen", encoders: ["backbone_"] }),
    buildGraph: () => graph,
    data: feedsOf(loader, sensor),
    noise: (_, { step }) => drawPart(masks, { batchSize, seed, step, share }),
    optimiser: { kind: "adamw", weightDecay: settings.weightDecay },
    groups: encoderGroups(config.model, { sensor, rate: settings.layerDecay }),
    schedule: { kind: "cosine", lr: settings.lr, warmup: Math.ceil(steps / 20), end: 0.01 },
    steps,
    seed,
    clip: 3,
    config: { classifier: config, settings, model: hash, train: parts.train.map(({ id }) => id) },
    metadata: classifierFile.write(config),
    ...(communicator && { communicator }),
    ...(options.threads && { threads: options.threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  base.weights.close();
  const failures = [...loader.failures];
  const predictions: Prediction[] = [];
  if (communicator === undefined || communicator.rank === 0) {
    const judge = loaderOf(parts.test, config, options, { batchSize, seed, shuffle: false });
    predictions.push(...(await predictAll(config, weights, { loader: judge, signal, onProgress })));
    failures.push(...judge.failures);
    await judge.close();
  }
  return {
    name: set.name,
    model: { name: base.info.name, trained: base.info.trained, hash },
    config,
    settings,
    ...parts,
    predictions,
    failures,
    seconds: (performance.now() - began) / 1000,
    out,
    weights: join(out, "model.safetensors"),
  };
}

/**
 * The same with several seeds, one run after the other: each in a folder `seed-N` of its own below `out`, or in `out`
 * itself where there is but one.
 */
export async function finetuneSeeds({
  seeds,
  ...options
}: FinetuneOptions & { seeds: readonly number[] }): Promise<FinetuneResult[]> {
  if (seeds.length === 1) return [await finetune({ ...options, seed: seeds[0]! })];
  const results: FinetuneResult[] = [];
  for (const seed of seeds) {
    const { onProgress } = options;
    const tell: LongCall["onProgress"] = (how) => onProgress!({ ...how, phase: `seed ${seed}, ${how.phase}` });
    const out = join(options.out, `seed-${seed}`);
    results.push(await finetune({ ...options, seed, out, ...(onProgress && { onProgress: tell }) }));
  }
  return results;
}

function loaderOf(
  samples: readonly Sample[],
  { sensor, size, bands, classes }: ClassifierConfig,
  { set, scene }: FinetuneOptions,
  {
    augmentation,
    ...more
  }: Pick<Parameters<typeof createLoader>[0], "batchSize" | "seed" | "shuffle" | "share"> & {
    augmentation?: Omit<Recipe, "sensors">;
  },
): Loader {
  const stack = { size, bands: bands.map((k) => modelBands(sensor)[k]!), dates: 1 };
  return createLoader({
    ...more,
    classes: classes.length,
    samples: samples.map((sample) => trainingSample(set, sample, scene)),
    recipe: { sensors: { [sensor]: stack }, ...augmentation },
  });
}

function trainingSample(
  set: LabelledSet,
  { id, labels }: Sample,
  scene: OpenSceneOptions | undefined,
): TrainingSample {
  const { signal: _, ...options } = scene ?? {};
  return { id, labels, source: { files: [join(set.path, id)], options: { ...options, hrPixelsPerCell: 1 } } };
}

/** Masks of a step, the same for each image whatever the number of processes: drawn for all, of which each takes its part. */
function drawPart(
  masks: readonly DropMask[],
  { batchSize, seed, step, share }: { batchSize: number; seed: number; step: number; share: Share },
): Record<string, HostTensor> {
  const [from, to] = shareOf(batchSize, share);
  const drawn = drawMasks(masks, { batch: batchSize, random: createRandom(seed, "drop path", step) });
  return Object.fromEntries(
    Object.entries(drawn).map(([name, { data, shape }]) => {
      const row = data.length / batchSize;
      return [name, { data: data.slice(from * row, to * row), shape: [to - from, ...shape.slice(1)] }];
    }),
  );
}

function feedsOf(loader: Loader, sensor: SensorName): BatchSource {
  return {
    async batch(index, options) {
      const { stacks, labels, samples, ids } = await loader.batch(index, options);
      const stack = stacks[sensor]!;
      const [count, , bands, height, width] = stack.shape;
      const images = { data: stack.data, shape: [count, bands, height, width] };
      return {
        feeds: { images, labels: { data: labels, shape: [samples, labels.length / samples] } },
        samples,
        files: ids,
      };
    },
    close: () => loader.close(),
  };
}

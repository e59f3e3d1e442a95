import { join } from "node:path";
import type { SensorName } from "../../core/place.ts";
import type { LongCall } from "../../core/progress.ts";
import { openModel } from "../../embed/load-model.node.ts";
import { divide, type LabelledSet, type Sample } from "../../evaluate/labelled-set.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import type { BatchSource } from "../../train/batch.ts";
import type { Recipe } from "../../train/data/augment.ts";
import { createLoader, type Loader, type TrainingSample } from "../../train/data/loader.node.ts";
import { type TuneRun, tune } from "../../train/tune.node.ts";
import { adaptersOf, dropPathOf, type TuningSettings } from "../../train/tuning.ts";
import { withDefaults } from "../../train/with-defaults.ts";
import type { Prediction } from "../names/scores.ts";
import { classifierConfig, lookAt } from "./classifier-config.ts";
import { type ClassifierConfig, initClassifier } from "./head.ts";
import { lossGraph } from "./loss.ts";
import { classifierFile } from "./model-file.ts";
import { predictAll } from "./predict.node.ts";

/** How a classifier is trained; all fields have defaults. */
export interface FinetuneSettings extends TuningSettings {
  epochs: number;
  smoothing: number;
}

export const defaults = {
  mode: "full",
  epochs: 30,
  batchSize: 32,
  lr: 1e-3,
  weightDecay: 0.05,
  layerDecay: 1,
  dropPath: 0.1,
  rank: 8,
  smoothing: 0.1,
  seed: 0,
} as const satisfies FinetuneSettings;

/** Learns shapes and not the layout of a scene: crops, all eight ways to lay a square, mild colours. */
const recipe = { crop: { area: [0.3, 1] }, flips: true, rotations: true } as const;
const colours = { probability: 0.8, brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.05 } as const;

export interface FinetuneOptions extends Partial<FinetuneSettings>, TuneRun {
  set: LabelledSet;
  /** Share of each class to learn from; default: the set's own splits. */
  trainRatio?: number;
  /** A name as `loadModel` takes, or a model file. Default "nano". */
  model?: string;
  /** Which sensor the images are of. Default: that of the first. */
  sensor?: SensorName;
  /** Bands that the images have. Default: those of the first. */
  bands?: readonly string[];
  /** Side to which images are brought. */
  size: number;
  /** What the images do not say themselves. */
  scene?: OpenSceneOptions;
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
  const { seed, epochs, batchSize } = settings;
  const parts = divide(set, { trainRatio, seed });
  const { info, weights: start } = openModel(model, { seed });
  const kind = await lookAt(parts.train, options, signal);
  const config = { ...classifierConfig(info.config, { ...kind, size, set }), ...adaptersOf(settings) };
  const { sensor } = config;
  const began = performance.now();
  const loader = loaderOf(parts.train, config, options, {
    batchSize,
    seed,
    share: { rank: communicator?.rank ?? 0, size: communicator?.size ?? 1 },
    augmentation: { ...recipe, ...(sensor === "hr" && { jitter: colours }) },
  });
  const steps = Math.ceil((epochs * parts.train.length) / batchSize);
  const hash = await start.sha256();
  const weights = await tune(
    {
      base: { config: info.config, weights: start },
      ...{ sensor, settings, steps, clip: 3 },
      tree: initClassifier(config),
      ...lossGraph(config, { ...settings, dropPath: dropPathOf(settings) }),
      data: feedsOf(loader, sensor),
      config: { classifier: config, train: parts.train.map(({ id }) => id) },
      metadata: classifierFile.write(config),
    },
    options,
  );
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
    model: { name: info.name, trained: info.trained, hash },
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

import { join } from "node:path";
import { SkySenseError } from "../../core/error.ts";
import type { SensorName } from "../../core/place.ts";
import type { LongCall } from "../../core/progress.ts";
import { toFloat32 } from "../../core/safetensors.ts";
import { openModel } from "../../embed/load-model.node.ts";
import { divide, type LabelledSet, type Sample } from "../../evaluate/labelled-set.ts";
import { batchDim } from "../../graph/shape.ts";
import { input } from "../../graph/tensor.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import { initialise } from "../../model/initialise.ts";
import { listParameters } from "../../model/parameters.ts";
import type { SkySenseConfig } from "../../model/skysense.ts";
import type { Weights } from "../../runtime/weights.ts";
import type { BatchSource } from "../../train/batch.ts";
import type { Communicator } from "../../train/communicator.ts";
import type { Recipe } from "../../train/data/augment.ts";
import { createLoader, type Loader, type TrainingSample } from "../../train/data/loader.node.ts";
import { plainGroups, swinLayerDecay, vitLayerDecay } from "../../train/groups.ts";
import { binaryCrossEntropy } from "../../train/losses/binary-cross-entropy.ts";
import { crossEntropy } from "../../train/losses/cross-entropy.ts";
import type { Values } from "../../train/state.ts";
import type { TrainGraph } from "../../train/train-graph.ts";
import { train } from "../../train/trainer.node.ts";
import { type ClassifierConfig, classifier, initClassifier } from "./head.ts";
import { writeClassifierConfig } from "./model-file.ts";
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
  smoothing: number;
  seed: number;
}

export const defaults = {
  mode: "full",
  epochs: 30,
  batchSize: 32,
  lr: 1e-3,
  weightDecay: 0.05,
  layerDecay: 1,
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
  /** Which sensor the images are of. Default hr. */
  sensor?: SensorName;
  /** Bands that the images have. Default: the model's. */
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
  config: ClassifierConfig;
  settings: FinetuneSettings;
  train: readonly Sample[];
  test: readonly Sample[];
  /** Of the test samples, in their order. */
  predictions: readonly Prediction[];
  failures: readonly { id: string; reason: string }[];
  seconds: number;
  weights: string;
}

/**
 * Fine-tune a classifier on a labelled set and judge it once, at the end, on the held-out part: nothing is chosen by it.
 * @throws SkySenseError those of `divide`, `createLoader` and `train`
 */
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  const {
    set,
    trainRatio,
    out,
    model = "nano",
    sensor = "hr",
    size,
    scene,
    communicator,
    signal,
    onProgress,
  } = options;
  const settings: FinetuneSettings = { ...defaults, ...definedOf(options) };
  const parts = divide(set, { trainRatio, seed: settings.seed });
  const base = openModel(model, { seed: settings.seed });
  const config = classifierConfig(base.info.config, { sensor, size, set, bands: options.bands });
  const began = performance.now();

  const stack = { [sensor]: { size, bands: config.bands.map((k) => modelBands(sensor)[k]!), dates: 1 } };
  const share = communicator === undefined ? {} : { share: { rank: communicator.rank, size: communicator.size } };
  const loaderOptions = { classes: set.classes.length, batchSize: settings.batchSize, seed: settings.seed };
  const samplesOf = (samples: readonly Sample[]) => samples.map((sample) => trainingSample(set, sample, scene));
  const loader = createLoader({
    ...loaderOptions,
    ...share,
    samples: samplesOf(parts.train),
    recipe: { sensors: stack, ...recipe, ...(sensor === "hr" && { jitter: colours }) } satisfies Recipe,
  });
  const steps = Math.ceil((settings.epochs * parts.train.length) / settings.batchSize);
  const { weights } = await train({
    out,
    parameters: parametersOf(config, base.weights, settings.seed),
    trainable: (name) => settings.mode === "full" || name.startsWith("head."),
    buildGraph: () => lossGraph(config, settings),
    data: feedsOf(loader, sensor),
    optimiser: { kind: "adamw", weightDecay: settings.weightDecay },
    groups: groupsOf(config, settings.layerDecay),
    schedule: { kind: "cosine", lr: settings.lr, warmup: Math.ceil(steps / 20), end: 0.01 },
    steps,
    seed: settings.seed,
    clip: 3,
    config: {
      classifier: config,
      settings,
      model: await base.weights.sha256(),
      train: parts.train.map(({ id }) => id),
    },
    metadata: writeClassifierConfig(config),
    ...(communicator && { communicator }),
    ...(options.threads && { threads: options.threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  base.weights.close();
  const failures = [...loader.failures];

  const judge = createLoader({
    ...loaderOptions,
    samples: samplesOf(parts.test),
    recipe: { sensors: stack },
    shuffle: false,
  });
  const predictions = await predictAll(config, weights, { loader: judge, signal });
  failures.push(...judge.failures);
  await judge.close();
  return {
    name: set.name,
    config,
    settings,
    ...parts,
    predictions,
    failures,
    seconds: (performance.now() - began) / 1000,
    weights: join(out, "model.safetensors"),
  };
}

function definedOf(options: Partial<FinetuneSettings>): Partial<FinetuneSettings> {
  const names = Object.keys(defaults) as (keyof FinetuneSettings)[];
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}

function classifierConfig(
  model: SkySenseConfig,
  {
    sensor,
    size,
    set,
    bands,
  }: { sensor: SensorName; size: number; set: LabelledSet; bands: readonly string[] | undefined },
): ClassifierConfig {
  if (model[sensor] === undefined) {
    throw new SkySenseError({
      code: "SENSOR_UNKNOWN",
      what: `this model has no encoder for ${sensor}`,
      remedy: "Choose another model or --sensor.",
    });
  }
  const count = sensor === "hr" ? model.hr!.bands : model[sensor]!.encoder.bands;
  const all = modelBands(sensor).slice(0, count);
  const positions = (bands ?? all).flatMap((band) => (all.includes(band) ? [all.indexOf(band)] : []));
  return {
    model,
    sensor,
    size,
    classes: set.classes,
    multiLabel: set.multiLabel,
    bands: positions.sort((a, b) => a - b),
  };
}

function trainingSample(
  set: LabelledSet,
  { id, labels }: Sample,
  scene: OpenSceneOptions | undefined,
): TrainingSample {
  const { signal: _, ...options } = scene ?? {};
  return { id, labels, source: { files: [join(set.path, id)], options: { ...options, hrPixelsPerCell: 1 } } };
}

/** The encoder's weights from the model, the head's fresh. */
function parametersOf(config: ClassifierConfig, weights: Weights, seed: number): [string, Values][] {
  const tree = initClassifier(config);
  const fresh = initialise(tree, { seed });
  return listParameters(tree).map(([name, { shape }]) => {
    const data = weights.entries.has(name) ? toFloat32(weights.get(name)) : fresh.get(name)!;
    return [name, { shape, data: data as Float32Array<ArrayBuffer> }];
  });
}

function lossGraph(config: ClassifierConfig, { smoothing }: FinetuneSettings): TrainGraph {
  const logits = classifier(config);
  const labels = input("labels", [batchDim(), config.classes.length]);
  const loss = config.multiLabel ? binaryCrossEntropy(logits, labels) : crossEntropy(logits, labels, { smoothing });
  return { loss };
}

/** Layer-wise decay by the names inside the encoder. */
function groupsOf({ model, sensor }: ClassifierConfig, rate: number) {
  if (rate === 1) return plainGroups;
  const prefix = `backbone_${sensor}.`;
  if (sensor === "hr") return swinLayerDecay({ depths: model.hr!.depths, rate, prefix });
  return vitLayerDecay({ layers: model[sensor]!.encoder.depth, rate, prefix });
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

import { SkySenseError } from "../../core/error.ts";
import type { SensorName } from "../../core/place.ts";
import { openModel } from "../../embed/load-model.node.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import type { SkySenseConfig } from "../../model/skysense.ts";
import type { Weights } from "../../runtime/weights.ts";
import type { BatchSource } from "../../train/batch.ts";
import type { Recipe } from "../../train/data/augment.ts";
import { createLoader, type Loader, type TrainingSample } from "../../train/data/loader.node.ts";
import { mmsegPhotometric } from "../../train/data/photometric.ts";
import { type TuneRun, tune } from "../../train/tune.node.ts";
import { adaptersOf, dropPathOf, type TuningSettings } from "../../train/tuning.ts";
import { withDefaults } from "../../train/with-defaults.ts";
import { encoderStep } from "../maps/tiling.ts";
import { divideMasks, type MaskItem, type MaskSet } from "./data/mask-set.ts";
import { initSegmenter, type SegmenterConfig } from "./head.ts";
import { lossGraph } from "./loss.ts";
import { segmenterFile } from "./model-file.ts";

/** How a segmenter is trained; all fields have defaults. */
export interface FinetuneSettings extends TuningSettings {
  /** Updates of the whole run. */
  steps: number;
  /** Side of the crops, in pixels. */
  size: number;
  /** Factor by which images are enlarged or shrunk before they are cut, [min, max]. */
  scale: readonly [min: number, max: number];
  /** Turn crops by quarters, which mmseg does not: seen from above, nothing is upright. */
  rotations: boolean;
  /** Channels of UPerNet; the auxiliary head has half of them. */
  channels: number;
}

/**
 * For `nano` and sets of some hundred images on two cores. The official iSAID run (specification §5.4): 80,000 steps,
 * batch 16, size 896, lr 6e-5, weight decay 0.01, layer decay 0.9, drop path 0.2, 512 channels, no rotations.
 */
export const defaults = {
  mode: "full",
  steps: 1000,
  batchSize: 8,
  size: 256,
  scale: [0.5, 2],
  rotations: true,
  lr: 1e-3,
  weightDecay: 0.01,
  layerDecay: 0.9,
  dropPath: 0.1,
  channels: 64,
  rank: 8,
  seed: 0,
} as const satisfies FinetuneSettings;

export interface FinetuneOptions extends Partial<FinetuneSettings>, TuneRun {
  set: MaskSet;
  /** Share of the images that are judged; default: the set's own splits. */
  valShare?: number;
  /** A preset (random weights) or a model file. Default "nano". */
  model?: string;
  /** Which sensor the images are of. Default hr. */
  sensor?: SensorName;
  /** Bands that the images have. Default: the model's. */
  bands?: readonly string[];
  /** What the images do not say themselves. */
  scene?: OpenSceneOptions;
}

export interface FinetuneResult {
  config: SegmenterConfig;
  settings: FinetuneSettings;
  weights: Weights;
  train: readonly MaskItem[];
  val: readonly MaskItem[];
  failures: readonly { id: string; reason: string }[];
  seconds: number;
}

/**
 * Fine-tune a segmenter on images with masks: UPerNet and an auxiliary head on the encoder (specification §5), crops of
 * a random scale of which no class fills more than three quarters, flips and changes of colour, AdamW with layer-wise
 * decay and a learning rate that falls in a line. An interrupted run goes on when it is called again.
 *
 * With several processes, batch norms are those of each process's own part of a batch.
 *
 * @throws SkySenseError `BAD_SIZE` | `SENSOR_UNKNOWN` | `BAD_LABEL` | `MASK_SIZE`, those of `divideMasks`,
 *   `createLoader` and `train`
 */
export async function finetuneSegmentation(options: FinetuneOptions): Promise<FinetuneResult> {
  const { set, model = "nano", sensor = "hr" } = options;
  // Sentinel pixels have one size everywhere.
  const scale = sensor === "hr" ? defaults.scale : ([1, 1] as const);
  const settings = withDefaults<FinetuneSettings>({ ...defaults, scale }, options);
  const { seed, steps } = settings;
  const parts = divideMasks(set, { valShare: options.valShare, seed });
  const { info, weights: start } = openModel(model, { seed });
  const config = segmenterConfig(info.config, settings, { sensor, set, bands: options.bands });
  const began = performance.now();
  const loader = trainingLoader(parts.train, config, settings, options);
  const weights = await tune(
    {
      base: { config: info.config, weights: start },
      ...{ sensor, settings, steps },
      tree: initSegmenter(config),
      ...lossGraph(config, { ...settings, dropPath: dropPathOf(settings) }),
      data: feedsOf(loader, config),
      schedule: { kind: "poly", lr: settings.lr, warmup: Math.ceil(steps / 20), warmupRatio: 1e-6 },
      config: { segmenter: config, train: parts.train.map(({ id }) => id) },
      metadata: segmenterFile.write(config),
    },
    options,
  );
  const seconds = (performance.now() - began) / 1000;
  return { config, settings, weights, ...parts, failures: loader.failures, seconds };
}

function segmenterConfig(
  model: SkySenseConfig,
  settings: FinetuneSettings,
  { sensor, set, bands }: { sensor: SensorName; set: MaskSet; bands: readonly string[] | undefined },
): SegmenterConfig {
  const { size, channels } = settings;
  if (model[sensor] === undefined) {
    throw new SkySenseError({
      code: "SENSOR_UNKNOWN",
      what: `this model has no encoder for ${sensor}`,
      remedy: "Choose another model or --sensor.",
    });
  }
  const step = encoderStep({ model, sensor });
  if (size % step !== 0) {
    throw new SkySenseError({
      code: "BAD_SIZE",
      what: `crops of ${size} pixels do not hold whole windows of the encoder, which repeat every ${step}`,
      remedy: `Choose a multiple of ${step} as --size.`,
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
    bands: positions.sort((a, b) => a - b),
    head: { channels, auxiliary: Math.ceil(channels / 2), dropout: 0.1 },
    ...adaptersOf(settings),
  };
}

/** A set's item as the loader takes it. */
export function sampleOf(
  { id, image, window, mask, shapes }: MaskItem,
  { set, scene }: { set: MaskSet; scene?: OpenSceneOptions | undefined },
): TrainingSample {
  const { signal: _, ...rest } = scene ?? {};
  return {
    id,
    labels: [],
    source: { files: [image], options: { ...rest, hrPixelsPerCell: 1 }, ...(window && { window }) },
    labelMap: shapes ?? { file: mask, coding: set.coding },
  };
}

function trainingLoader(
  items: readonly MaskItem[],
  config: SegmenterConfig,
  { batchSize, seed, size, scale, rotations }: FinetuneSettings,
  { set, scene, communicator }: FinetuneOptions,
): Loader {
  const { sensor, bands } = config;
  return createLoader({
    samples: items.map((item) => sampleOf(item, { set, scene })),
    classes: 0,
    batchSize,
    seed,
    ...(communicator && { share: { rank: communicator.rank, size: communicator.size } }),
    recipe: {
      sensors: { [sensor]: { size, bands: bands.map((k) => modelBands(sensor)[k]!), dates: 1 } },
      crop: { scale, maxShare: 0.75 },
      flips: true,
      rotations,
      ...(sensor === "hr" && { photometric: mmsegPhotometric }),
    } satisfies Recipe,
  });
}

function feedsOf(loader: Loader, { sensor, size }: SegmenterConfig): BatchSource {
  return {
    async batch(index, options) {
      const { stacks, labelMaps, samples, ids } = await loader.batch(index, options);
      const { data, shape } = stacks[sensor]!;
      const [count, , bands, height, width] = shape;
      return {
        feeds: {
          images: { data, shape: [count, bands, height, width] },
          labels: { data: BigInt64Array.from(labelMaps!, BigInt), shape: [samples, size, size] },
        },
        samples,
        files: ids,
      };
    },
    close: () => loader.close(),
  };
}

import type { SensorName } from "../../core/place.ts";
import { openModel } from "../../embed/load-model.node.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import type { Weights } from "../../runtime/weights.ts";
import type { TrainingSample } from "../../train/data/loader.node.ts";
import { type TuneRun, tune } from "../../train/tune.node.ts";
import { dropPathOf, type TuningSettings } from "../../train/tuning.ts";
import { withDefaults } from "../../train/with-defaults.ts";
import { type CropSettings, cropFeeds, cropLoader } from "../maps/crop-loader.node.ts";
import { mapperConfig } from "../maps/mapper.ts";
import { divideMasks, type MaskItem, type MaskSet } from "./data/mask-set.ts";
import { initSegmenter, type SegmenterConfig } from "./head.ts";
import { lossGraph } from "./loss.ts";
import { segmenterFile } from "./model-file.ts";

/** How a segmenter is trained; all fields have defaults. */
export interface FinetuneSettings extends TuningSettings, CropSettings {
  /** Updates of the whole run. */
  steps: number;
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
  /** A name as `loadModel` takes, or a model file. Default "nano". */
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
  const { channels } = settings;
  const config: SegmenterConfig = {
    ...mapperConfig(info.config, settings, { sensor, classes: set.classes, bands: options.bands }),
    head: { channels, auxiliary: Math.ceil(channels / 2), dropout: 0.1 },
  };
  const began = performance.now();
  const samples = parts.train.map((item) => sampleOf(item, options));
  const loader = cropLoader(samples, config, settings, { dates: 1, communicator: options.communicator });
  const weights = await tune(
    {
      base: { config: info.config, weights: start },
      ...{ sensor, settings, steps },
      tree: initSegmenter(config),
      ...lossGraph(config, { ...settings, dropPath: dropPathOf(settings) }),
      data: cropFeeds(loader, config),
      schedule: { kind: "poly", lr: settings.lr, warmup: Math.ceil(steps / 20), warmupRatio: 1e-6 },
      config: { segmenter: config, train: parts.train.map(({ id }) => id) },
      metadata: segmenterFile.write(config),
    },
    options,
  );
  const seconds = (performance.now() - began) / 1000;
  return { config, settings, weights, ...parts, failures: loader.failures, seconds };
}

/** A set's item as the loader takes it. */
export function sampleOf(
  { id, image, window, mask, shapes }: MaskItem,
  { set, scene }: { set: MaskSet; scene?: OpenSceneOptions | undefined },
): TrainingSample {
  const { signal: _, ...rest } = { ...set.scene, ...scene };
  return {
    id,
    labels: [],
    source: { files: [image], options: { ...rest, hrPixelsPerCell: 1 }, ...(window && { window }) },
    labelMap: shapes ?? { file: mask, coding: set.coding },
  };
}

import type { SensorName } from "../../core/place.ts";
import { openModel } from "../../embed/load-model.node.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import type { Weights } from "../../runtime/weights.ts";
import { type TuneRun, tune } from "../../train/tune.node.ts";
import { dropPathOf, type TuningSettings } from "../../train/tuning.ts";
import { withDefaults } from "../../train/with-defaults.ts";
import { type CropSettings, cropFeeds, cropLoader } from "../maps/crop-loader.node.ts";
import { mapperConfig } from "../maps/mapper.ts";
import { type ChangeItem, type ChangeSet, dividePairs, sampleOf } from "./data/change-set.ts";
import { type ChangeConfig, type ChangeHeadKind, dates, initChangeDetector } from "./head.ts";
import { lossGraph } from "./loss.ts";
import { changeFile } from "./model-file.ts";

/** How a change detector is trained; all fields have defaults. */
export interface FinetuneSettings extends TuningSettings, CropSettings {
  /** Updates of the whole run. */
  steps: number;
  head: ChangeHeadKind;
  /** Width of the head. */
  channels: number;
}

/**
 * For `nano` and sets of some dozen pairs on two cores. LEVIR-CD at full scale (BIT on a SkySense backbone): crops of
 * 256 pixels as they are, batch 8, 200 epochs, lr 6e-5, falling in a line. OSCD: crops of 96, batch 32, 100 epochs.
 */
export const defaults = {
  mode: "full",
  steps: 1000,
  batchSize: 8,
  size: 256,
  scale: [0.75, 1.5],
  rotations: true,
  lr: 1e-3,
  weightDecay: 0.01,
  layerDecay: 0.9,
  dropPath: 0.1,
  head: "tokens",
  channels: 32,
  rank: 8,
  seed: 0,
} as const satisfies FinetuneSettings;

/** What is otherwise with Sentinel images, whose pixels have one size everywhere. */
export const sentinelDefaults = { size: 96, scale: [1, 1], head: "difference" } as const;

export interface FinetuneOptions extends Partial<FinetuneSettings>, TuneRun {
  set: ChangeSet;
  /** Share of the pairs that are judged; default: the set's own splits. */
  valShare?: number;
  /** A name as `loadModel` takes, or a model file. Default "nano". */
  model?: string;
  /** Which sensor the images are of. Default: the set's, else hr. */
  sensor?: SensorName | undefined;
  /** What the images do not say themselves. */
  scene?: OpenSceneOptions;
}

export interface FinetuneResult {
  config: ChangeConfig;
  settings: FinetuneSettings;
  weights: Weights;
  train: readonly ChangeItem[];
  val: readonly ChangeItem[];
  failures: readonly { id: string; reason: string }[];
  seconds: number;
}

/**
 * Fine-tune a change detector on pairs of images: one encoder sees both, a head compares what it made of them; crops of
 * a random scale, flips, quarter turns and changes of colour in each date for itself, AdamW with layer-wise decay and a
 * learning rate that falls in a line. An interrupted run goes on when it is called again.
 *
 * @throws SkySenseError `BAD_SIZE` | `SENSOR_UNKNOWN` | `BAD_LABEL` | `MASK_SIZE`, those of `dividePairs`,
 *   `createLoader` and `train`
 */
export async function finetuneChange(options: FinetuneOptions): Promise<FinetuneResult> {
  const { set, model = "nano", sensor = set.sensor ?? "hr", communicator } = options;
  const own = sensor === "hr" ? {} : sentinelDefaults;
  const settings = withDefaults<FinetuneSettings>({ ...defaults, ...own }, options);
  const { seed, steps, head, channels } = settings;
  const parts = dividePairs(set, { valShare: options.valShare, seed });
  const { info, weights: start } = openModel(model, { seed });
  const config: ChangeConfig = {
    ...mapperConfig(info.config, settings, { sensor, classes: set.classes }),
    head: { kind: head, channels },
  };
  const began = performance.now();
  const samples = parts.train.map((item) => sampleOf(item, options));
  const loader = cropLoader(samples, config, settings, { dates, communicator });
  const weights = await tune(
    {
      base: { config: info.config, weights: start },
      ...{ sensor, settings, steps },
      tree: initChangeDetector(config),
      ...lossGraph(config, { dropPath: dropPathOf(settings) }),
      data: cropFeeds(loader, config),
      schedule: { kind: "poly", lr: settings.lr, warmup: Math.ceil(steps / 20), warmupRatio: 1e-6 },
      config: { changeDetector: config, train: parts.train.map(({ id }) => id) },
      metadata: changeFile.write(config),
    },
    options,
  );
  const seconds = (performance.now() - began) / 1000;
  return { config, settings, weights, ...parts, failures: loader.failures, seconds };
}

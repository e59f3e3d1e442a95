import { SkySenseError } from "../../core/error.ts";
import { createRandom } from "../../core/random.ts";
import { openModel } from "../../embed/load-model.node.ts";
import { period, pixelsPerCell } from "../../embed/prepare.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import { boxKind } from "../../model/detection/box-kind.ts";
import { takeRows } from "../../model/detection/boxes.ts";
import { anchorsOf, levelOutputs } from "../../model/detection/faster-rcnn.ts";
import { proposals } from "../../model/detection/proposals.ts";
import type { SkySenseConfig } from "../../model/skysense.ts";
import type { HostTensor } from "../../runtime/session.ts";
import type { Weights } from "../../runtime/weights.ts";
import type { BatchSource } from "../../train/batch.ts";
import { alone, type Communicator } from "../../train/communicator.ts";
import type { Crop } from "../../train/data/geometry.ts";
import { createLoader, type Loader, type TrainingSample } from "../../train/data/loader.node.ts";
import { shareOf } from "../../train/data/order.ts";
import { mmsegPhotometric } from "../../train/data/photometric.ts";
import type { Preparation } from "../../train/prepare.node.ts";
import { type TuneRun, tune } from "../../train/tune.node.ts";
import { adaptersOf, dropPathOf, type TuningSettings } from "../../train/tuning.ts";
import { withDefaults } from "../../train/with-defaults.ts";
import { cropBoxes, cropOriented, type Objects } from "./crop-boxes.ts";
import { type BoxItem, type BoxSet, divideBoxes } from "./data/box-set.ts";
import { type DetectorConfig, fasterRcnnOf, initDetector } from "./head.ts";
import { lossGraph, proposalGraph } from "./loss.ts";
import { detectorFile } from "./model-file.ts";
import { roiTargets, rpnTargets } from "./targets.ts";

/** How a detector is trained; all fields have defaults. */
export interface FinetuneSettings extends TuningSettings {
  /** Updates of the whole run. */
  steps: number;
  /** Side of the crops, in pixels. */
  size: number;
  /** Factor by which images are enlarged or shrunk before they are cut, [min, max]. */
  scale: readonly [min: number, max: number];
  /** Channels of the pyramid, and width of the box head. */
  channels: number;
  width: number;
  /** Side of the square anchors in cells of each level. */
  anchorScale: number;
  /** Regions of each image that the head learns from, and proposals that they are drawn from. */
  regions: number;
  proposals: number;
}

/**
 * For `nano` and sets of some hundred images on two cores. The official run on DIOR (specification §6.2): 12 epochs of
 * whole images of 800 pixels, batch 8, lr 1e-4, weight decay 0.05, layer decay 0.9, drop path 0.2, 256 channels, width
 * 1024, anchors of 8 cells, 512 regions of 1000 proposals.
 */
export const defaults: FinetuneSettings = {
  mode: "full",
  steps: 1000,
  batchSize: 4,
  size: 256,
  scale: [0.75, 1.5],
  lr: 1e-3,
  weightDecay: 0.05,
  layerDecay: 0.9,
  dropPath: 0.1,
  channels: 64,
  width: 256,
  anchorScale: 8,
  regions: 128,
  proposals: 500,
  rank: 8,
  seed: 0,
};

export interface FinetuneOptions extends Partial<FinetuneSettings>, TuneRun {
  set: BoxSet;
  /** Share of the images that are judged; default: the set's own splits. */
  valShare?: number;
  /** A name as `loadModel` takes, or a model file. Default "nano". */
  model?: string;
  /** What the images do not say themselves. */
  scene?: OpenSceneOptions;
}

export interface FinetuneResult {
  config: DetectorConfig;
  settings: FinetuneSettings;
  weights: Weights;
  train: readonly BoxItem[];
  val: readonly BoxItem[];
  failures: readonly { id: string; reason: string }[];
  seconds: number;
}

/**
 * Fine-tune a detector on images with boxes: Faster R-CNN on the HR encoder (specification §6), or for a set of
 * oriented boxes Oriented R-CNN (§6.3; a re-creation, as no official configuration was published). Every step
 * first makes proposals with its own weights, then learns from what was drawn of them and of the anchors; all draws
 * follow from seed and step. An interrupted run goes on when it is called again.
 *
 * @throws SkySenseError `BAD_SIZE` | `SENSOR_UNKNOWN`, those of `divideBoxes`, `createLoader` and `train`
 */
export async function finetuneDetection(options: FinetuneOptions): Promise<FinetuneResult> {
  const { set, model = "nano" } = options;
  const settings = withDefaults(defaults, options);
  const { seed, steps } = settings;
  const parts = divideBoxes(set, { valShare: options.valShare, seed });
  const { info, weights: start } = openModel(model, { seed });
  const config = detectorConfig(info.config, settings, set);
  const began = performance.now();
  const loader = trainingLoader(parts.train, config, settings, options);
  const weights = await tune(
    {
      base: { config: info.config, weights: start },
      ...{ sensor: "hr", settings, steps, clip: 10 },
      tree: initDetector(config),
      ...lossGraph(config, { ...settings, dropPath: dropPathOf(settings) }),
      data: feedsOf(loader, parts.train, config),
      prepare: preparation(config, settings, options.communicator),
      config: { detector: config, train: parts.train.map(({ id }) => id) },
      metadata: detectorFile.write(config),
    },
    options,
  );
  const seconds = (performance.now() - began) / 1000;
  return { config, settings, weights, ...parts, failures: loader.failures, seconds };
}

function detectorConfig(
  model: SkySenseConfig,
  settings: FinetuneSettings,
  { classes, oriented }: BoxSet,
): DetectorConfig {
  const { size, channels, width, anchorScale } = settings;
  if (model.hr === undefined) {
    throw new SkySenseError({
      code: "SENSOR_UNKNOWN",
      what: "this model has no encoder for hr",
      remedy: "Choose another model: detectors look at HR images.",
    });
  }
  const step = pixelsPerCell(model, "hr") * period(model, "hr");
  if (size % step !== 0) {
    throw new SkySenseError({
      code: "BAD_SIZE",
      what: `crops of ${size} pixels do not hold whole windows of the encoder, which repeat every ${step}`,
      remedy: `Choose a multiple of ${step} as --size.`,
    });
  }
  return {
    model,
    size,
    classes,
    oriented,
    head: { channels, width },
    anchorScale,
    ...adaptersOf(settings),
  };
}

/** A set's item as loaders take it. */
export function sampleOf({ id, image, window }: BoxItem, scene: OpenSceneOptions | undefined): TrainingSample {
  const { signal: _, ...rest } = scene ?? {};
  return {
    id,
    labels: [],
    source: { files: [image], options: { ...rest, hrPixelsPerCell: 1 }, ...(window && { window }) },
  };
}

function trainingLoader(
  items: readonly BoxItem[],
  { model }: DetectorConfig,
  { batchSize, seed, size, scale }: FinetuneSettings,
  { scene, communicator }: FinetuneOptions,
): Loader {
  return createLoader({
    samples: items.map((item) => sampleOf(item, scene)),
    classes: 0,
    batchSize,
    seed,
    ...(communicator && { share: { rank: communicator.rank, size: communicator.size } }),
    recipe: {
      sensors: { hr: { size, bands: modelBands("hr").slice(0, model.hr!.bands), dates: 1 } },
      crop: { scale },
      flips: true,
      rotations: true,
      photometric: mmsegPhotometric,
    },
  });
}

/** A batch, and in `crops` and `samples of` what of each image it shows: not read by the graph. */
function feedsOf(loader: Loader, items: readonly BoxItem[], config: DetectorConfig): BatchSource {
  const byId = new Map(items.map((item) => [item.id, item]));
  return {
    async batch(index, options) {
      const { stacks, views, samples, ids } = await loader.batch(index, options);
      const { data, shape } = stacks.hr!;
      const [count, , bands, height, width] = shape;
      const objects = ids.map((id, i) => objectsOf(byId.get(id)!, views[0]!.crops[i]!, config));
      return {
        feeds: { images: { data, shape: [count, bands, height, width] }, ...pack(objects, dimsOf(config)) },
        samples,
        files: ids,
      };
    },
    close: () => loader.close(),
  };
}

/** Objects that a detector is to find in a crop: difficult ones are not asked for. */
function objectsOf({ boxes, labels, difficult }: BoxItem, crop: Crop, config: DetectorConfig): Objects {
  const easy = [...labels.keys()].filter((i) => difficult[i] === 0);
  const chosen = {
    boxes: takeRows(boxes, easy, dimsOf(config)),
    labels: Int32Array.from(easy, (i) => labels[i]!),
  };
  return (config.oriented ? cropOriented : cropBoxes)(chosen, crop, config.size);
}

function dimsOf({ oriented }: DetectorConfig): number {
  return oriented ? 5 : 4;
}

/** A batch's objects as feeds, which only the preparation reads: [objects, 2 + dims], image, label and box. */
function pack(images: readonly Objects[], dims: number): Record<string, HostTensor> {
  const rows = images.flatMap(({ boxes, labels }, b) =>
    Array.from(labels, (label, i) => [b, label, ...boxes.subarray(dims * i, dims * (i + 1))]),
  );
  return { objects: { data: Float32Array.from(rows.flat()), shape: [rows.length, 2 + dims] } };
}

function unpack({ data, shape: [count, width] }: HostTensor, images: number): Objects[] {
  const rows = Array.from({ length: count! }, (_, i) => [
    ...(data as Float32Array).subarray(width! * i, width! * (i + 1)),
  ]);
  return Array.from({ length: images }, (_, b) => {
    const own = rows.filter(([image]) => image === b);
    return {
      boxes: Float32Array.from(own.flatMap((row) => row.slice(2))),
      labels: Int32Array.from(own, (row) => row[1]!),
    };
  });
}

/** Proposals with the weights of the step, and what the two stages are to say of the batch. */
function preparation(
  c: DetectorConfig,
  settings: FinetuneSettings,
  { rank, size: processes }: Pick<Communicator, "rank" | "size"> = alone,
): Preparation {
  const detector = fasterRcnnOf(c);
  const kind = boxKind(detector.boxes);
  const sizes = detector.anchors.strides.map((stride) => Math.ceil(c.size / stride)).map((n) => [n, n] as const);
  const anchors = anchorsOf(detector, sizes);
  const everyAnchor = Float32Array.from(anchors.flatMap((boxes) => [...boxes]));
  const { size, strides } = detector.roi;
  const maps = strides.map((stride, i) => ({ stride, rows: sizes[i]![0], columns: sizes[i]![1] }));
  const rules = { ...detector.proposals, perLevel: settings.proposals, keep: settings.proposals };
  return {
    build: () => proposalGraph(c),
    feeds(outputs, batch, { step }) {
      // Of an image the same is drawn whatever the number of processes.
      const [first] = shareOf(settings.batchSize, { rank, size: processes });
      const random = Array.from({ length: batch.samples }, (_, b) =>
        createRandom(settings.seed, "regions", step, first + b),
      );
      const objects = unpack(batch.feeds.objects!, batch.samples);
      const found = objects.map((_, b) => {
        const part = (name: string) => {
          const data = outputs[name]!.data as Float32Array;
          const length = data.length / batch.samples;
          return data.subarray(b * length, (b + 1) * length);
        };
        const levels = sizes.map((own, i) => ({
          logits: part(`logits.${i}`),
          deltas: part(`deltas.${i}`),
          size: own,
        }));
        return proposals(levelOutputs(detector, levels), { ...rules, kind, clip: [c.size, c.size] }).boxes;
      });
      return {
        ...rpnTargets(everyAnchor, objects, { kind, random }),
        ...roiTargets(found, objects, {
          kind,
          classes: c.classes.length,
          count: settings.regions,
          size,
          maps,
          random,
        }),
      };
    },
  };
}

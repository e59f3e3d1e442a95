import { SkySenseError } from "../../core/error.ts";
import { type SensorName, sensorNames } from "../../core/place.ts";
import { openModel } from "../../embed/load-model.node.ts";
import { commonPeriod, pixelsPerCell } from "../../embed/prepare.ts";
import { readPlaceSource } from "../../imagery/scene/place-source.node.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import type { SkySenseConfig } from "../../model/skysense.ts";
import type { Weights } from "../../runtime/weights.ts";
import type { BatchSource } from "../../train/batch.ts";
import type { FeedShapes } from "../../train/compiled-graphs.node.ts";
import type { Recipe } from "../../train/data/augment.ts";
import { createLoader, type Loader } from "../../train/data/loader.node.ts";
import { type TuneRun, tune } from "../../train/tune.node.ts";
import { adaptersOf, dropPathOf, type TuningSettings } from "../../train/tuning.ts";
import { withDefaults } from "../../train/with-defaults.ts";
import { type DatedItem, type DatedSet, divideDated } from "./data/dated-set.ts";
import { seriesFeeds } from "./feeds.ts";
import { type Answer, initSeries, onlySensors, pretrained, type SeriesConfig } from "./head.ts";
import { lossGraph } from "./loss.ts";
import { seriesFile } from "./model-file.ts";

/** How a model of dated places is trained; all fields have defaults. */
export interface FinetuneSettings extends TuningSettings {
  /** Updates of the whole run. */
  steps: number;
  /** Images of a sensor that are looked at together, at most: drawn anew for every step, evenly chosen when judging. */
  dates: number;
  /** Side of what is looked at, in cells: of crops for maps; else of places, which are resized to it. */
  size: number;
  /** Of a head that draws maps: channels of its convolutions. */
  channels: number;
}

/**
 * For `nano` on two cores; attention among dates at every cell is what costs. SkySense++ fine-tunes on series of 30
 * dates with AdamW, lr 1e-4, weight decay 0.01, fusion drop path 0.3, 20,000 steps.
 */
export const defaults = {
  mode: "full",
  steps: 300,
  batchSize: 4,
  dates: 12,
  lr: 1e-3,
  weightDecay: 0.01,
  layerDecay: 0.9,
  dropPath: 0.1,
  channels: 64,
  rank: 8,
  seed: 0,
} as const satisfies Omit<FinetuneSettings, "size">;

/** Side in cells, where neither the option nor the places are smaller. */
const usualSize = { map: 16, class: 32, classes: 32 } as const satisfies Record<Answer, number>;

export interface FinetuneOptions extends Partial<FinetuneSettings>, TuneRun {
  set: DatedSet;
  /** Share of the places that are judged; default: the set's own splits. */
  valShare?: number;
  /** A name as `loadModel` takes, or a model file. Default "nano". */
  model?: string;
  /** Whose images are looked at; default: all that the set has and the model knows. */
  sensors?: readonly SensorName[];
}

export interface FinetuneResult {
  config: SeriesConfig;
  settings: FinetuneSettings;
  /** What it started from. */
  base: { name: string; trained: boolean };
  weights: Weights;
  train: readonly DatedItem[];
  val: readonly DatedItem[];
  failures: readonly { id: string; reason: string }[];
  seconds: number;
}

/**
 * Fine-tune a model of dated places: any sensors and dates go through their encoders, are fused at every cell, and a
 * head gives the cells, or the place as a whole, their classes. Each step sees other dates of a place, other crops and
 * orientations. An interrupted run goes on when it is called again.
 *
 * @throws SkySenseError `SENSOR_UNKNOWN` | `SENSOR_ABSENT` | `BAD_SIZE`, those of `divideDated`, `createLoader`, `train`
 */
export async function finetuneSeries(options: FinetuneOptions): Promise<FinetuneResult> {
  const { set, model = "nano", communicator, signal } = options;
  const parts = divideDated(set, { valShare: options.valShare, seed: options.seed ?? defaults.seed });
  const { info, weights: start } = openModel(model, { seed: options.seed ?? defaults.seed });
  const known = await lookAt(parts.train, info.config, signal);
  const sensors = chooseSensors(options.sensors, { known, model: info.config, where: set.path });
  const period = commonPeriod(info.config, sensors);
  const own = Math.ceil(Math.min(usualSize[set.answer], known.cells) / period) * period;
  const settings = withDefaults<FinetuneSettings>({ ...defaults, size: own }, options);
  if (settings.size % period !== 0) throw badSize(settings.size, period);
  const { steps, lr, dates, size, channels } = settings;
  const config: SeriesConfig = {
    ...{ model: onlySensors(info.config, sensors), sensors, dates, size, channels },
    ...{ answer: set.answer, classes: set.classes },
    ...adaptersOf(settings),
  };
  const began = performance.now();
  const loader = createLoader({
    samples: parts.train,
    classes: set.answer === "map" ? 0 : set.classes.length,
    batchSize: settings.batchSize,
    seed: settings.seed,
    recipe: { ...recipeOf(config), ...augmentation(set.answer) },
    ...(communicator && { share: { rank: communicator.rank, size: communicator.size } }),
  });
  const dropPath = dropPathOf(settings);
  const weights = await tune(
    {
      base: { config: info.config, weights: start },
      ...{ sensor: sensors, settings, steps, pretrained },
      tree: initSeries(config),
      graph: (shapes) => lossGraph(config, shapes, { dropPath }).graph,
      masks: lossGraph(config, exampleShapes(config), { dropPath }).masks,
      data: feedsOf(loader, config),
      schedule: { kind: "poly", lr, warmup: Math.ceil(steps / 20), warmupRatio: 1e-6 },
      clip: 3,
      config: { series: config, train: parts.train.map(({ id }) => id) },
      metadata: seriesFile.write(config),
    },
    options,
  );
  const seconds = (performance.now() - began) / 1000;
  const base = { name: info.name, trained: info.trained };
  return { config, settings, base, weights, ...parts, failures: loader.failures, seconds };
}

/** What the images of a model's sensors are cut to. Bands may be missing, as with the encoders themselves. */
export function recipeOf({ model, sensors, size, dates }: SeriesConfig): Recipe {
  return {
    sensors: Object.fromEntries(
      sensors.map((sensor) => {
        const bands = modelBands(sensor).slice(0, bandsOf(model, sensor));
        const someBands = sensor !== "hr";
        return [sensor, { size: size * pixelsPerCell(model, sensor), bands, dates, someBands }];
      }),
    ),
  };
}

const bandsOf = (model: SkySenseConfig, sensor: SensorName) =>
  sensor === "hr" ? model.hr!.bands : model[sensor]!.encoder.bands;

/** Crops at the images' own scale for maps, resized ones of whole places; all eight ways to lay a square. */
function augmentation(answer: Answer): Omit<Recipe, "sensors"> {
  return {
    crop: answer === "map" ? { scale: [1, 1], maxShare: 0.9 } : { area: [0.6, 1] },
    flips: true,
    rotations: true,
    sentinel: { gain: 0.05, offset: 0.05 },
  };
}

/** Feeds of a batch of one place with one date: what the graph drops does not depend on more. */
function exampleShapes({ model, sensors, size }: SeriesConfig): FeedShapes {
  const perSensor = sensors.map((sensor) => {
    const side = size * pixelsPerCell(model, sensor);
    return { [`${sensor}.image`]: [1, bandsOf(model, sensor), side, side], [`${sensor}.slot`]: [1, 1] };
  });
  return Object.assign({ mask: [1, size * size, sensors.length], labels: [1, size, size] }, ...perSensor);
}

function feedsOf(loader: Loader, config: SeriesConfig): BatchSource {
  return {
    async batch(index, options) {
      const batch = await loader.batch(index, options);
      return { feeds: seriesFeeds(batch, config), samples: batch.samples, files: batch.ids };
    },
    close: () => loader.close(),
  };
}

/** Places that are looked at to find out what a set has, where it does not say it. */
const looked = 4;

/** Sensors of a set's places, and cells along the side of its largest, as the first that can be read have them. */
async function lookAt(
  items: readonly DatedItem[],
  model: SkySenseConfig,
  signal: AbortSignal | undefined,
): Promise<{ sensors: ReadonlySet<SensorName>; cells: number }> {
  const sensors = new Set<SensorName>();
  for (const { source } of items) {
    const describe = "files" in source ? source.options?.describe : undefined;
    if (typeof describe !== "object" || !("files" in describe)) continue;
    for (const { sensor } of describe.files) if (sensor !== undefined && sensor !== "scl") sensors.add(sensor);
  }
  let cells = 0;
  let failure: unknown;
  for (const { source } of items.slice(0, looked)) {
    try {
      const place = await readPlaceSource(source, signal === undefined ? {} : { signal });
      for (const sensor of sensorNames) {
        if (place[sensor] === undefined) continue;
        sensors.add(sensor);
        if (model[sensor] === undefined) continue;
        const [, , height, width] = place[sensor].shape;
        cells = Math.max(cells, Math.ceil(Math.max(height, width) / pixelsPerCell(model, sensor)));
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof SkySenseError)) throw error;
      failure = error;
    }
  }
  if (cells === 0 && failure !== undefined) throw failure;
  return { sensors, cells: Math.max(1, cells) };
}

function chooseSensors(
  wanted: readonly SensorName[] | undefined,
  { known, model, where }: { known: { sensors: ReadonlySet<SensorName> }; model: SkySenseConfig; where: string },
): SensorName[] {
  const there = sensorNames.filter((sensor) => known.sensors.has(sensor));
  const chosen = sensorNames.filter((sensor) =>
    wanted === undefined ? there.includes(sensor) && model[sensor] !== undefined : wanted.includes(sensor),
  );
  const unknown = chosen.find((sensor) => model[sensor] === undefined);
  if (unknown !== undefined || chosen.length === 0) {
    throw new SkySenseError({
      code: "SENSOR_UNKNOWN",
      what: `the model has no encoder for ${unknown ?? there.join(" or ")}`,
      where,
      remedy: "Choose another --model or --sensors.",
    });
  }
  if (!chosen.some((sensor) => there.includes(sensor))) {
    throw new SkySenseError({
      code: "SENSOR_ABSENT",
      what: `the places have images of ${there.join(" and ")}, and none of ${chosen.join(" or ")}`,
      where,
      remedy: `Choose from --sensors ${there.join(",")}.`,
    });
  }
  return chosen;
}

function badSize(size: number, period: number): SkySenseError {
  return new SkySenseError({
    code: "BAD_SIZE",
    what: `${size} cells do not hold whole windows of the encoders, which repeat every ${period}`,
    remedy: `Choose a multiple of ${period} as --size.`,
  });
}

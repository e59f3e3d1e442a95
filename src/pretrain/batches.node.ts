import { SkySenseError } from "../core/error.ts";
import type { SensorName } from "../core/place.ts";
import { createRandom, type Random } from "../core/random.ts";
import { pixelsPerCell } from "../embed/prepare.ts";
import type { PlaceSource } from "../imagery/scene/place-source.node.ts";
import { modelBands } from "../imagery/sensor/profiles.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import type { Batch, BatchSource } from "../train/batch.ts";
import type { Communicator } from "../train/communicator.ts";
import type { Recipe } from "../train/data/augment.ts";
import { createLoader, type Loader, type TrainingSample } from "../train/data/loader.node.ts";
import { shareOf } from "../train/data/order.ts";
import { feedsOf } from "./feeds.ts";
import { maskedFeeds } from "./masked-feeds.ts";
import { defaultColours, type PretrainSettings } from "./settings.ts";

/** A place to learn from. */
export interface UnlabelledPlace {
  /** Its name in messages. */
  id: string;
  source: PlaceSource;
  /** What it has; default: what its description says. */
  sensors?: readonly SensorName[];
}

/** Places with HR images and places without lie on grids of different sizes: a batch holds one kind. */
interface Kind {
  loader: Loader;
  places: number;
  /** Where this process's share of a batch begins. */
  first: number;
}

export type PlaceBatches = BatchSource & {
  /** Places that could not be used so far. */
  failures(): readonly { id: string; reason: string }[];
};

/**
 * Batches of views for `pretrainGraph`, made ahead in threads.
 *
 * @throws SkySenseError `NO_SAMPLES`, and those of `createLoader`
 */
export function placeBatches(
  places: readonly UnlabelledPlace[],
  {
    config,
    settings,
    communicator,
    workers = 1,
  }: {
    config: SkySenseConfig;
    settings: PretrainSettings;
    communicator?: Communicator;
    /** Threads that decode and augment. */
    workers?: number;
  },
): PlaceBatches {
  const share = communicator === undefined ? {} : { share: { rank: communicator.rank, size: communicator.size } };
  const masked = settings.form === "mae";
  // A masked autoencoder looks at HR images alone.
  const groups = [places.filter((place) => hasHr(place)), places.filter((place) => !masked && !hasHr(place))];
  const kinds = groups.flatMap((group, k): Kind[] => {
    if (group.length === 0) return [];
    const samples = group.map(({ id, source }): TrainingSample => ({ id, source, labels: [] }));
    const batchSize = k === 0 ? settings.batchSize : settings.sentinelBatchSize;
    const seen = masked ? { ...config, s2: undefined, s1: undefined } : config;
    const [recipe, ...views] = recipesOf(seen, settings, { hr: k === 0 });
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
      what: masked ? "the list holds no places with HR images" : "the list holds no places",
      remedy: "Give at least one.",
    });
  }
  return {
    async batch(index, options): Promise<Batch> {
      const [kind, position] = turnOf(index, kinds);
      const batch = await kind.loader.batch(position, options);
      const randomOf = perSample(settings.seed, { batch: index, first: kind.first });
      const feeds = (masked ? maskedFeeds : feedsOf)(batch, { step: index, settings, config, randomOf });
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
  const { sentinelArea = globalArea } = settings;
  const { grey, ...jitter } = settings.colours ?? defaultColours;
  const common = {
    flips: true,
    rotations: true,
    jitter: { probability: 0.8, ...jitter },
    grey,
    sentinel: { gain: 0.1, offset: 0.05, speckleLooks: 8 },
  } as const;
  const global = (blur: number): Recipe => ({
    ...common,
    sensors: {
      ...(hr && { hr: { size: globalSize, bands: hrBands, dates: 1 } }),
      ...sentinel("s2"),
      ...sentinel("s1"),
    },
    crop: { area: hr ? globalArea : sentinelArea },
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

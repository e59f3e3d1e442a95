import { SkySenseError } from "../../core/error.ts";
import type { Location } from "../../core/place.ts";
import { createRandom } from "../../core/random.ts";
import { type AugmentedPlace, augment, type Recipe } from "./augment.ts";
import type { Crop } from "./geometry.ts";
import type { KeptPlace } from "./kept-place.ts";
import { isLabelFault } from "./label-map.ts";
import { chooseMix, type MixOptions } from "./mix.ts";
import { mixSamples } from "./mix-samples.ts";
import { type SampleOrder, type Share, sampleOrder, shareOf } from "./order.ts";
import { assembleLabelMaps, assembleStacks, type StackBatch } from "./stack-batch.ts";

/** What all batches of a run have in common: plain data. */
export interface BatchSetup {
  /** Name (a file, mostly) and classes of every sample. */
  samples: readonly { id: string; labels: readonly number[] }[];
  classes: number;
  /** Samples of a batch, over all processes. */
  batchSize: number;
  share: Share;
  seed: number;
  /** false: every sample once, in the given order, and the last batch as short as it comes. */
  shuffle: boolean;
  recipe: Recipe;
  /** Further recipes: every sample is seen in so many views more. */
  views: readonly Recipe[];
  mix?: MixOptions | undefined;
}

export type StackBatches = { hr?: StackBatch; s2?: StackBatch; s1?: StackBatch };

/** One view of a batch's samples. */
export interface LoadedView {
  stacks: StackBatches;
  /** Of each sample. */
  crops: readonly Crop[];
}

/** This process's part of a batch. */
export interface LoadedBatch {
  /** Counted from 0 over the whole run. */
  index: number;
  samples: number;
  stacks: StackBatches;
  /** All views of the samples, the one in `stacks` first. */
  views: readonly LoadedView[];
  /** Where the samples lie, if known. */
  locations: readonly (Location | undefined)[];
  /** [samples, classes]: 1 for the classes of a sample, or its shares after mixing. */
  labels: Float32Array<ArrayBuffer>;
  /** [samples, size, size]: the classes of the pixels of the first view; undefined: no sample has a mask. */
  labelMaps: Uint8Array<ArrayBuffer> | undefined;
  ids: readonly string[];
}

/** A sample that cannot be used. */
export interface Failure {
  id: string;
  reason: string;
}

export interface MadeBatch {
  batch: LoadedBatch;
  /** Places that were read for it. */
  fresh: (readonly [sample: number, place: KeptPlace])[];
  failures: Failure[];
}

/** How a thread gets at places: those kept in memory first. */
export interface PlaceReader {
  kept: (sample: number) => KeptPlace | undefined;
  read: (sample: number) => Promise<KeptPlace>;
}

/** Files that are read at the same time. */
const parallelReads = 4;
/** An unusable sample is replaced by the one in its position of the next epochs, until one can be used. */
const attempts = 20;

/** The positions of a batch that this process needs: its share, and the partners that its samples are mixed with. */
export function positionsOf(index: number, setup: BatchSetup): { own: [number, number]; needed: [number, number] } {
  const { batchSize, shuffle, samples, share, mix } = setup;
  const start = index * batchSize;
  const length = shuffle ? batchSize : Math.max(0, Math.min(batchSize, samples.length - start));
  const [from, to] = shareOf(length, share);
  const needed: [number, number] =
    mix === undefined ? [from, to] : [from - (from % 2), Math.min(length, to + (to % 2))];
  return { own: [start + from, start + to], needed: [start + needed[0], start + needed[1]] };
}

/**
 * Read, augment, mix and stack batch `index`. It follows from setup and index alone: every sample draws from a
 * generator of its own position, every pair from one of its own.
 */
export async function makeBatch(
  index: number,
  setup: BatchSetup,
  { reader, order = orderOf(setup) }: { reader: PlaceReader; order?: SampleOrder },
): Promise<MadeBatch> {
  const { own, needed } = positionsOf(index, setup);
  const made: MadeBatch = { batch: undefined as never, fresh: [], failures: [] };
  const items: (BatchItem | undefined)[] = [];
  let next = needed[0];
  const reading = Array.from({ length: parallelReads }, async () => {
    while (next < needed[1]) {
      const position = next++;
      items[position - needed[0]] = await makeItem(position, setup, { reader, order, made });
    }
  });
  await Promise.all(reading);
  if (setup.mix !== undefined) mixPairs(items, index, setup);
  const mine = items.slice(own[0] - needed[0], own[1] - needed[0]).filter((item) => item !== undefined);
  const labels = new Float32Array(mine.length * setup.classes);
  for (const [i, item] of mine.entries()) labels.set(item.labels, i * setup.classes);
  const views = [setup.recipe, ...setup.views].map((recipe, v): LoadedView => {
    const places = mine.map((item) => (v === 0 ? item.place : item.views[v - 1]!));
    return { stacks: assembleStacks(places, recipe), crops: places.map(({ crop }) => crop) };
  });
  made.batch = {
    index,
    samples: mine.length,
    stacks: views[0]!.stacks,
    views,
    labels,
    labelMaps: assembleLabelMaps(mine.map(({ place }) => place)),
    ids: mine.map(({ id }) => id),
    locations: mine.map(({ location }) => location),
  };
  return made;
}

export function orderOf({ samples, seed, shuffle }: BatchSetup): SampleOrder {
  return sampleOrder({ count: samples.length, seed, shuffle });
}

/** One sample of a batch before stacking. */
export interface BatchItem {
  id: string;
  place: AugmentedPlace;
  views: readonly AugmentedPlace[];
  location: Location | undefined;
  labels: Float32Array;
}

async function makeItem(
  position: number,
  { samples, classes, seed, shuffle, recipe, views: more }: BatchSetup,
  { reader, order, made }: { reader: PlaceReader; order: SampleOrder; made: MadeBatch },
): Promise<BatchItem | undefined> {
  for (let attempt = 0; attempt < (shuffle ? attempts : 1); attempt++) {
    const sample = order.at(position + attempt * samples.length);
    const { id, labels: classesOf } = samples[sample]!;
    try {
      let place = reader.kept(sample);
      if (place === undefined) {
        place = await reader.read(sample);
        made.fresh.push([sample, place]);
      }
      const [augmented, ...views] = [recipe, ...more].map((one, v) =>
        augment(
          place!,
          one,
          v === 0 ? createRandom(seed, "augment", position) : createRandom(seed, "view", position, v),
        ),
      );
      const labels = new Float32Array(classes);
      for (const label of classesOf) labels[label] = 1;
      return { id, place: augmented!, views, location: place.location, labels };
    } catch (error) {
      if (!(error instanceof SkySenseError) || isLabelFault(error)) throw error;
      made.failures.push({ id, reason: error.what });
    }
  }
  return undefined;
}

/** Neighbours are partners: their order is random anyway, and most pairs stay within a process. */
function mixPairs(items: readonly (BatchItem | undefined)[], index: number, setup: BatchSetup): void {
  const { needed } = positionsOf(index, setup);
  for (let i = 0; i + 1 < items.length; i += 2) {
    const [a, b] = [items[i], items[i + 1]];
    const random = createRandom(setup.seed, "mix", needed[0] + i);
    const mix = chooseMix(setup.mix!, random);
    if (a !== undefined && b !== undefined && mix !== undefined) mixSamples(a, b, mix, setup.recipe);
  }
}

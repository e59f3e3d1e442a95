import { SkySenseError } from "../../core/error.ts";
import type { Place } from "../../core/place.ts";
import type { LongCall } from "../../core/progress.ts";
import { type Confusion, confusionMatrix } from "../../evaluate/confusion.ts";
import { noneJudged } from "../../evaluate/none-judged.ts";
import { readPlaceSource } from "../../imagery/scene/place-source.node.ts";
import { ignoredLabel, isLabelFault, type LabelMap } from "../../train/data/label-map.ts";
import { createLoader } from "../../train/data/loader.node.ts";
import { readLabelled } from "../../train/data/read-sample.node.ts";
import type { Prediction } from "../names/scores.ts";
import { chooseImages, type ImageChoice } from "./choose-images.ts";
import type { DatedItem } from "./data/dated-set.ts";
import { recipeOf } from "./finetune.node.ts";
import { mapPlace, type PlaceMap, type WindowOptions } from "./map-place.node.ts";
import type { SeriesSession } from "./series-session.node.ts";

/** What the map of a place is worth. */
export interface JudgedPlace {
  id: string;
  /** Of its labelled pixels that an image shows. */
  confusion: Confusion;
  /** Share of them. */
  wrong: number;
}

/** A place that was mapped badly, as it is shown. */
export interface WorstPlace extends JudgedPlace {
  place: Place;
  truth: LabelMap;
  said: PlaceMap;
}

/** What a model says of places that have labels: maps, or classes of the whole. */
export interface Judgement {
  maps: readonly JudgedPlace[];
  predictions: readonly Prediction[];
  /** Those with the largest share of wrong pixels, the worst first. */
  worst: readonly WorstPlace[];
  failures: readonly { id: string; reason: string }[];
}

/** How many are shown. */
const placesShown = 6;

export type JudgeOptions = Partial<ImageChoice> & WindowOptions & LongCall;

/**
 * Compare what a model says of places with their labels.
 *
 * @param options.sensors, options.dates  What of a place is looked at. Default: as the model learnt.
 * @throws SkySenseError `BAD_LABEL` | `MASK_SIZE` | `TOO_MANY_UNREADABLE`: no place could be judged
 */
export async function judgeSeries(
  session: SeriesSession,
  items: readonly DatedItem[],
  options: JudgeOptions = {},
): Promise<Judgement> {
  const { sensors = session.config.sensors, dates = session.config.dates } = options;
  const choice = { sensors, dates };
  return session.config.answer === "map"
    ? judgeMaps(session, items, { ...options, choice })
    : judgeClasses(session, items, { ...options, choice });
}

async function judgeMaps(
  session: SeriesSession,
  items: readonly DatedItem[],
  { choice, window, overlap, signal, onProgress }: JudgeOptions & { choice: ImageChoice },
): Promise<Judgement> {
  const maps: JudgedPlace[] = [];
  const failures: { id: string; reason: string }[] = [];
  let worst: WorstPlace[] = [];
  for (const [i, item] of items.entries()) {
    signal?.throwIfAborted();
    try {
      const { place, truth } = await readItem(item, choice, signal);
      const { width, height } = truth;
      const said = await mapPlace(session, place, { width, height, window, overlap, signal });
      const seen = truth.data.map((label, p) => (said.valid[p] === 0 ? ignoredLabel : label));
      const classes = session.config.classes.length;
      const confusion = confusionMatrix(seen, said.labels, { classes, ignore: ignoredLabel });
      const total = confusion.counts.reduce((a, b) => a + b, 0);
      const right = session.config.classes.reduce((sum, _, k) => sum + confusion.counts[k * classes + k]!, 0);
      const judged = { id: item.id, confusion, wrong: total === 0 ? 0 : 1 - right / total };
      maps.push(judged);
      worst = [...worst, { ...judged, place, truth, said }].sort((a, b) => b.wrong - a.wrong).slice(0, placesShown);
    } catch (error) {
      if (!(error instanceof SkySenseError) || isLabelFault(error)) throw error;
      failures.push({ id: item.id, reason: error.what });
    }
    onProgress?.({ phase: "evaluate", done: i + 1, total: items.length, unit: "places" });
  }
  if (maps.length === 0) throw noneJudged(failures);
  return { maps, predictions: [], worst, failures };
}

/** The images of a place that are looked at, and the classes of the pixels of its finest images. */
async function readItem(
  { id, source, labelMap }: DatedItem,
  choice: ImageChoice,
  signal: AbortSignal | undefined,
): Promise<{ place: Place; truth: LabelMap }> {
  const { place, labels } = await readLabelled(source, labelMap!, { signal });
  return { place: chooseImages(place, choice, id), truth: labels };
}

/** Places of a batch. */
const perBatch = 8;

async function judgeClasses(
  session: SeriesSession,
  items: readonly DatedItem[],
  options: JudgeOptions & { choice: ImageChoice },
): Promise<Judgement> {
  const { predictions, failures } = await classifyPlaces(session, items, options);
  if (predictions.length === 0) throw noneJudged(failures);
  return { maps: [], predictions, worst: [], failures };
}

/** Probabilities of the classes of places, in their order; those that could not be read are left out. */
export async function classifyPlaces(
  session: SeriesSession,
  items: readonly Pick<DatedItem, "id" | "source">[],
  { choice, signal, onProgress }: { choice: ImageChoice } & LongCall,
): Promise<{ predictions: Prediction[]; failures: { id: string; reason: string }[] }> {
  const { config } = session;
  const loader = createLoader({
    samples: items.map(({ id, source }) => ({
      id,
      labels: [],
      source: { read: async () => chooseImages(await readPlaceSource(source, signal ? { signal } : {}), choice, id) },
    })),
    classes: config.classes.length,
    batchSize: perBatch,
    seed: 0,
    shuffle: false,
    recipe: recipeOf({ ...config, dates: choice.dates }),
    cacheBytes: 0,
  });
  const predictions: Prediction[] = [];
  try {
    for (let index = 0; index < loader.batchesPerEpoch; index++) {
      const batch = await loader.batch(index, signal === undefined ? {} : { signal });
      onProgress?.({ phase: "classify", done: index + 1, total: loader.batchesPerEpoch, unit: "batches" });
      if (batch.samples === 0) continue;
      const values = await session.probabilities(batch, { signal });
      const n = config.classes.length;
      for (const [i, id] of batch.ids.entries()) {
        predictions.push({ id, probabilities: values.slice(i * n, (i + 1) * n) });
      }
    }
    return { predictions, failures: [...loader.failures] };
  } finally {
    await loader.close();
  }
}

import { createRandom } from "../core/random.ts";
import { bootstrap, type Interval } from "./bootstrap.ts";
import { classScores, confusionMatrix } from "./confusion.ts";
import { logisticFits, logits, type Targets } from "./logistic.ts";
import { majority, nearest } from "./nearest.ts";
import { highestScores, meanAveragePrecision } from "./ranking.ts";
import { standardiseBy, type Vectors } from "./standardise.ts";

export const protocolNames = ["knn", "linear"] as const;
export type ProtocolName = (typeof protocolNames)[number];

/** Vectors and what they are of. */
export interface Labelled {
  vectors: Vectors;
  /** Of each item the positions of its classes; exactly one, unless the set is multi-label. */
  labels: readonly (readonly number[])[];
  /** Items of a group are alike: the part that C is chosen on has whole groups. Default: each is one of its own. */
  groups?: readonly string[];
}

export interface Task {
  classes: number;
  multiLabel: boolean;
}

/** What a protocol says of the test items. */
export interface Predictions {
  /** [items, classes], the higher the likelier. */
  scores: Float64Array;
  /** The class of each item; empty for a multi-label set. */
  classes: Int32Array;
  /** What was chosen or happened on the way. */
  details: { C?: number; converged?: boolean };
}

/** Strengths of regularisation that the linear probe tries, until three in a row are no better than the best. */
export const sweep = [1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2, 1e3] as const;

/**
 * Learn from `train` and say what `test` is.
 *
 * "knn": the 5 nearest by Euclidean distance on features standardised on the training part, majority, ties to the
 * nearest; for labels the share of neighbours that have it. "linear": logistic regression on the same features; C is
 * the best of {@link sweep} on a seeded fifth of the training part (of equal ones the smallest), then all of it is
 * fitted. Where there are groups, it is a fifth of these, and the likeliest C is the best.
 */
export function predict(
  protocol: ProtocolName,
  train: Labelled,
  test: Labelled,
  options: Task & { seed: number },
): Predictions {
  const { dimensions } = train.vectors;
  const standardise = standardiseBy(train.vectors);
  const known = { ...train, vectors: { data: standardise(train.vectors), dimensions } };
  const asked = { data: standardise(test.vectors), dimensions };
  return protocol === "knn" ? predictNearest(known, asked, options) : predictLinear(known, asked, options);
}

type Standardised = Vectors & { data: Float64Array };

function predictNearest(train: Labelled, test: Standardised, { classes, multiLabel }: Task): Predictions {
  const { positions, count } = nearest(train.vectors, test, 5);
  const items = positions.length / count;
  const scores = new Float64Array(items * classes);
  const chosen = new Int32Array(multiLabel ? 0 : items);
  for (let i = 0; i < items; i++) {
    const neighbours = Array.from(positions.subarray(i * count, (i + 1) * count), (at) => train.labels[at]!);
    for (const label of neighbours.flat()) scores[i * classes + label]! += 1 / count;
    if (!multiLabel) chosen[i] = majority(neighbours.map(([label]) => label!));
  }
  return { scores, classes: chosen, details: {} };
}

function predictLinear(
  train: Labelled & { vectors: Standardised },
  test: Standardised,
  task: Task & { seed: number },
): Predictions {
  const C = chooseC(train, task);
  const fit = logisticFits(train.vectors, targetsOf(train.labels, task))({ C });
  const scores = logits(fit, test);
  const classes = task.multiLabel ? new Int32Array(0) : highestScores({ classes: task.classes, values: scores });
  return { scores, classes, details: { C, converged: fit.converged } };
}

function chooseC(train: Labelled & { vectors: Standardised }, task: Task & { seed: number }): number {
  const held = new Set(train.groups ? aFifthOfGroups(train.groups, task.seed) : aFifth(train.labels, task.seed));
  const positions = train.labels.map((_, i) => i);
  const fitted = pick(
    train,
    positions.filter((i) => !held.has(i)),
  );
  const checked = pick(train, [...held]);
  const fitWith = logisticFits(fitted.vectors, targetsOf(fitted.labels, task));
  let best: { C: number; score: number } = { C: 1, score: Number.NEGATIVE_INFINITY };
  let worse = 0;
  for (const C of sweep) {
    if (worse === 3) break;
    const scores = logits(fitWith({ C, tolerance: 1e-4 }), checked.vectors);
    const score = train.groups ? likelihood(scores, checked.labels, task) : rightOf(scores, checked.labels, task);
    worse = score > best.score ? 0 : worse + 1;
    if (worse === 0) best = { C, score };
  }
  return best.C;
}

function rightOf(scores: Float64Array, labels: Labelled["labels"], task: Task): number {
  const classes = task.multiLabel ? new Int32Array(0) : highestScores({ classes: task.classes, values: scores });
  const measures = measure({ scores, classes }, labels, task)();
  return task.multiLabel ? measures["mAP micro"]! : measures.OA!;
}

/** Mean of ln p of the true class: other groups have other shares of the classes, and must not be right by chance. */
function likelihood(scores: Float64Array, labels: Labelled["labels"], { classes }: Task): number {
  let sum = 0;
  for (const [i, [label]] of labels.entries()) {
    const own = scores.subarray(i * classes, (i + 1) * classes);
    const most = Math.max(...own);
    sum += own[label!]! - most - Math.log(own.reduce((total, score) => total + Math.exp(score - most), 0));
  }
  return sum / labels.length;
}

/** Every fifth of the items, put in order of class and shuffled within each, so that classes keep their shares. */
function aFifth(labels: Labelled["labels"], seed: number): number[] {
  const shuffled = createRandom(seed, "validation").shuffle(labels.map((_, i) => i));
  const first = (i: number) => labels[i]![0] ?? -1;
  return shuffled.sort((a, b) => first(a) - first(b)).filter((_, place) => place % 5 === 2);
}

/** The items of a fifth of the groups, at least one of them. */
function aFifthOfGroups(groups: readonly string[], seed: number): number[] {
  const shuffled = createRandom(seed, "validation").shuffle([...new Set(groups)].sort());
  const held = new Set(shuffled.slice(0, Math.ceil(shuffled.length / 5)));
  return groups.flatMap((group, i) => (held.has(group) ? [i] : []));
}

function pick({ vectors: { data, dimensions }, labels }: Labelled & { vectors: Standardised }, items: number[]) {
  const chosen = new Float64Array(items.length * dimensions);
  for (const [to, i] of items.entries()) {
    chosen.set(data.subarray(i * dimensions, (i + 1) * dimensions), to * dimensions);
  }
  return { vectors: { data: chosen, dimensions }, labels: items.map((i) => labels[i]!) };
}

function targetsOf(labels: Labelled["labels"], { classes, multiLabel }: Task): Targets {
  const values = new Float64Array(labels.length * classes);
  for (const [i, own] of labels.entries()) for (const label of own) values[i * classes + label] = 1;
  return { classes, values, multiLabel };
}

export interface Measure extends Interval {
  metric: string;
  value: number;
}

/**
 * Compare predictions with the truth: overall accuracy (OA), mean accuracy over classes (AA), mean F1 (mF1) and κ, or
 * for labels mean average precision over pairs and over classes; each from 0 to 1, with a 95 % bootstrap interval.
 */
export function assess(
  predictions: Pick<Predictions, "scores" | "classes">,
  labels: Labelled["labels"],
  options: Task & { seed: number; draws?: number },
): Measure[] {
  const measured = measure(predictions, labels, options);
  const values = measured();
  const intervals = bootstrap(labels.length, measured, options);
  return Object.entries(values).map(([metric, value]) => ({ metric, value, ...intervals[metric]! }));
}

function measure(
  { scores, classes: predicted }: Pick<Predictions, "scores" | "classes">,
  labels: Labelled["labels"],
  task: Task,
): (indices?: Int32Array) => Record<string, number> {
  const all = Int32Array.from(labels, (_, i) => i);
  if (!task.multiLabel) {
    const truth = Int32Array.from(labels, ([label]) => label!);
    return (indices = all) => {
      const of = (values: Int32Array) => indices.map((i) => values[i]!);
      const { overallAccuracy, averageAccuracy, macroF1, kappa } = classScores(
        confusionMatrix(of(truth), of(predicted), { classes: task.classes }),
      );
      return { OA: overallAccuracy, AA: averageAccuracy, mF1: macroF1, kappa };
    };
  }
  const { values: truth, classes } = targetsOf(labels, task);
  return (indices = all) => {
    const rows = (from: Float64Array) => {
      const out = new Float64Array(indices.length * classes);
      for (const [to, i] of indices.entries()) out.set(from.subarray(i * classes, (i + 1) * classes), to * classes);
      return out;
    };
    const { micro, macro } = meanAveragePrecision({ classes, values: rows(scores) }, rows(truth));
    return { "mAP micro": micro, "mAP macro": macro };
  };
}

import { createHash } from "node:crypto";
import { SkySenseError } from "../core/error.ts";
import { type SensorName, sensorNames } from "../core/place.ts";
import type { LongCall } from "../core/progress.ts";
import { createRandom } from "../core/random.ts";
import { loadModel, modelConfig } from "../embed/load-model.node.ts";
import { pixelsPerCell } from "../embed/prepare.ts";
import { software } from "../embed/software.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import { createRuntime } from "../runtime/runtime.node.ts";
import type { Runtime } from "../runtime/session.ts";
import { bootstrap } from "./bootstrap.ts";
import { type CellExtractor, featuresOfCells, modelCells } from "./cell-features.ts";
import { type CellSides, cellLabels, isSeen, unlabelled } from "./cells.ts";
import { type Confusion, confusionMatrix } from "./confusion.ts";
import { type DenseSample, type DenseSet, foldsOf } from "./dense-set.ts";
import { aboutSample, usualLength } from "./extract.node.ts";
import { imageStats } from "./image-stats.ts";
import { type FeatureName, goingBy } from "./model-features.ts";
import { type Labelled, predict } from "./protocols.ts";
import { randomFilters } from "./random-filters.ts";
import { describeRestriction, type Restriction, restrictPlace } from "./restrict.ts";
import { addResults, readResults } from "./result-file.node.ts";
import type { ProbeResult } from "./results.ts";
import { addConfusions, segmentationScores } from "./segmentation-scores.ts";

export interface DenseProbeOptions extends LongCall, Restriction {
  set: DenseSet;
  /** A name as `loadModel` takes, or a model file. Default "nano". */
  model?: string;
  features?: FeatureName;
  /** Groups to judge; default: see `foldsOf`. */
  holdOut?: readonly string[] | undefined;
  /** At most so many cells of each place, drawn evenly from those with a label. Default 64. */
  cells?: number | undefined;
  /** One run each; a seed is that of cells and folds, of random weights and filters, of the choice of C and the bootstrap. */
  seeds?: readonly number[];
  device?: "auto" | "cpu" | "webgpu" | "cuda";
  /** JSON file that results are added to, and the table beside it (`.md` or `.csv`). */
  out: string;
  table?: string | undefined;
  /** As it was typed, for the records. */
  command?: string;
}

export interface DenseProbeReport {
  results: ProbeResult[];
  /** Places that could not be used. */
  skipped: readonly { id: string; reason: string }[];
  files: { out: string; table: string };
}

/**
 * How much a model's dense features tell, without training it: logistic regression on the standardised features of
 * single cells, learnt on some groups of places and judged on others by intersection over union, beside the same for
 * image statistics of the cell and for random filters. C is chosen on a fifth of the training groups. Intervals are
 * those of a bootstrap over places, since cells of one place are alike.
 *
 * Results are added to `out` one by one; what is there already is not computed again.
 *
 * @throws SkySenseError those of `foldsOf`, `loadModel` and of reading the set | `NOTHING_VALID`
 */
export async function denseProbe(options: DenseProbeOptions): Promise<DenseProbeReport> {
  const { out, model = "nano", seeds = [0], table = out.replace(/(\.json)?$/, ".md") } = options;
  const set = keptInMemory(options.set, keptBytes);
  const files = { out, table };
  const sides = sidesOf(modelConfig(model));
  const skipped = new Map<string, string>();
  const results: ProbeResult[] = [];
  const stamps = await Promise.all(set.samples.map((sample) => sample.stamp()));
  const runtime = createRuntime({ maxSessions: 4 });
  try {
    for (const seed of seeds) {
      const folds = foldsOf(set, { ...options, seed });
      for (const make of extractors(runtime, { ...options, model, seed, sides })) {
        const { extractor, release } = await make();
        try {
          const { sensors, dates, cells, holdOut } = options;
          const said = [software, "dense 1", set.path, set.classes, set.samples.map(({ id, group }) => [id, group])];
          const run = hash([said, stamps, folds, { sensors, dates, cells, holdOut }, extractor.fingerprint, seed]);
          const before = (await readResults(out)).filter((row) => row.run === run);
          if (before.length > 0) {
            results.push(...before);
            continue;
          }
          const items = await readCells(extractor, { options: { ...options, set }, seed, sides, skipped });
          const rows = judge(items, folds, { options, extractor, seed }).map((row) => ({ ...row, run }));
          await addResults(rows, files);
          results.push(...rows);
        } finally {
          await release();
        }
      }
    }
  } finally {
    await runtime.release();
  }
  return { results, skipped: [...skipped].map(([id, reason]) => ({ id, reason })), files };
}

/** Each place is read once for all features and seeds, as long as they fit into memory together. */
const keptBytes = 2 ** 29;

function keptInMemory(set: DenseSet, bytes: number): DenseSet {
  let left = bytes;
  const samples = set.samples.map((sample): DenseSample => {
    let kept: Awaited<ReturnType<DenseSample["read"]>> | undefined;
    return {
      ...sample,
      async read(options) {
        if (kept !== undefined) return kept;
        const read = await sample.read(options);
        const size = sensorNames.reduce((sum, sensor) => sum + (read.place[sensor]?.data.byteLength ?? 0), 0);
        if (size > left) return read;
        left -= size;
        kept = read;
        return read;
      },
    };
  });
  return { ...set, samples };
}

function sidesOf(config: SkySenseConfig): CellSides {
  const present = sensorNames.filter((sensor) => config[sensor] !== undefined);
  return Object.fromEntries(present.map((sensor) => [sensor, pixelsPerCell(config, sensor)]));
}

type Made = { extractor: CellExtractor; release: () => Promise<void> };

/** The two floors, then the model: whoever interrupts has the floors. */
function extractors(
  runtime: Runtime,
  options: Pick<DenseProbeOptions, "features" | "device"> & { model: string; seed: number; sides: CellSides },
): (() => Promise<Made>)[] {
  const { model: name, seed, sides, device = "cpu", features = "fused" } = options;
  const keep = async () => {};
  return [
    async () => ({ extractor: featuresOfCells(imageStats, sides), release: keep }),
    async () => ({ extractor: featuresOfCells(randomFilters(runtime, { seed }), sides), release: keep }),
    async () => {
      const model = goingBy(name, loadModel(name, { seed, device }));
      return { extractor: await modelCells(model, features, sides), release: () => model.release() };
    },
  ];
}

/** The chosen cells of a place. */
interface Cells {
  id: string;
  group: string;
  labels: Uint8Array;
  vectors: Float32Array[];
}

interface Reading {
  options: DenseProbeOptions;
  seed: number;
  sides: CellSides;
  skipped: Map<string, string>;
}

async function readCells(extractor: CellExtractor, reading: Reading): Promise<Cells[]> {
  const { set, signal, onProgress } = reading.options;
  const all: Cells[] = [];
  for (const [done, sample] of set.samples.entries()) {
    signal?.throwIfAborted();
    try {
      all.push(await readSample(sample, extractor, reading));
    } catch (error) {
      if (!aboutSample(error) || signal?.aborted) throw error;
      reading.skipped.set(sample.id, error.what);
    }
    onProgress?.({ phase: extractor.name, done: done + 1, total: set.samples.length, unit: "places" });
  }
  const usable = all.filter(({ vectors }) => vectors.length > 0);
  const length = usualLength(usable.map(({ vectors }) => vectors[0]!));
  for (const { id, vectors } of usable) {
    if (vectors[0]!.length !== length) reading.skipped.set(id, "it has other sensors or bands than most places");
  }
  const alike = usable.filter(({ vectors }) => vectors[0]!.length === length);
  if (alike.length > 0) return alike;
  throw new SkySenseError({
    code: "NOTHING_VALID",
    what: "no place has a cell with a label and with an image of the wanted sensors",
    where: set.path,
    remedy: "Look at the set, or choose other sensors.",
  });
}

async function readSample(
  sample: DenseSet["samples"][number],
  extractor: CellExtractor,
  { options: { cells = 64, sensors, dates, signal }, seed, sides }: Reading,
): Promise<Cells> {
  const read = await sample.read({ signal });
  const place = restrictPlace(read.place, { sensors, dates });
  const absent = sensors?.find((sensor) => place[sensor] === undefined);
  // With some of the sensors a floor has shorter vectors, and a model others than those that are asked about.
  if (absent !== undefined) throw absentSensor(absent, sensors!);
  const finest = Math.max(
    ...Object.keys(sides).map((sensor) => (place[sensor as "hr"] ? sides[sensor as "hr"]! : 0)),
  );
  const { data: labels, width: columns } = cellLabels(read.labels, finest);
  const usable = Array.from(labels.keys()).filter(
    (cell) =>
      labels[cell] !== unlabelled &&
      isSeen(place, { row: Math.floor(cell / columns), column: cell % columns }, sides),
  );
  const chosen = createRandom(seed, "cells", sample.id).shuffle(usable).slice(0, cells);
  const vectors = chosen.length === 0 ? [] : await extractor.extract(place, chosen, { columns, signal });
  return { id: sample.id, group: sample.group, labels: Uint8Array.from(chosen, (cell) => labels[cell]!), vectors };
}

function absentSensor(absent: SensorName, wanted: readonly SensorName[]): SkySenseError {
  return new SkySenseError({
    code: "SENSOR_ABSENT",
    what: `it has no image of ${absent}, and images of ${wanted.join(" and ")} are wanted`,
    remedy: "Choose others by --sensors.",
  });
}

function judge(
  all: readonly Cells[],
  folds: readonly (readonly string[])[],
  { options, extractor, seed }: { options: DenseProbeOptions; extractor: CellExtractor; seed: number },
): Omit<ProbeResult, "run">[] {
  const { set, command = "", holdOut } = options;
  const task = { classes: set.classes.length, multiLabel: false, seed };
  const confusions: Confusion[] = [];
  let [learnt, converged] = [0, true];
  for (const fold of folds) {
    const [train, test] = [false, true].map((wanted) => all.filter(({ group }) => fold.includes(group) === wanted));
    if (train!.length === 0 || test!.length === 0) continue;
    const [known, asked] = [labelled(train!), labelled(test!)];
    const predictions = predict("linear", known, asked, task);
    learnt = Math.max(learnt, known.labels.length);
    converged &&= predictions.details.converged === true;
    let first = 0;
    for (const { labels } of test!) {
      const said = predictions.classes.subarray(first, first + labels.length);
      confusions.push(confusionMatrix(labels, said, { classes: task.classes }));
      first += labels.length;
    }
  }
  const measure = (indices: ArrayLike<number>) => measures(addConfusions(confusions, indices), set.classes);
  const values = measure(confusions.map((_, i) => i));
  const intervals = bootstrap(confusions.length, measure, { seed });
  const restricted = describeRestriction(options);
  return Object.entries(values).map(([metric, value]) => ({
    dataset: [
      set.name,
      ...(restricted ? [restricted] : []),
      ...(holdOut ? [`${holdOut.join(", ")} held out`] : []),
    ].join("; "),
    features: extractor.name,
    protocol: "dense linear",
    ...{ metric, value, ...intervals[metric]! },
    n: confusions.reduce((sum, { counts }) => sum + counts.reduce((a, b) => a + b, 0), 0),
    ...{ train: learnt, classes: task.classes, seed },
    dimensions: all[0]!.vectors[0]!.length,
    parameters: extractor.parameters,
    imagesPerSecond: null,
    ...{ converged, command },
  }));
}

/** Groups where there are several, else places: C is chosen on cells of others than it was fitted to. */
function labelled(parts: readonly Cells[]): Labelled {
  const several = new Set(parts.map(({ group }) => group)).size > 1;
  const rows = parts.flatMap((part) => part.vectors.map((vector) => ({ part, vector })));
  const dimensions = rows[0]!.vector.length;
  const data = new Float32Array(rows.length * dimensions);
  for (const [i, { vector }] of rows.entries()) data.set(vector, i * dimensions);
  const labels = parts.flatMap((part) => Array.from(part.labels, (label) => [label]));
  const groups = rows.map(({ part }) => (several ? part.group : part.id));
  return { vectors: { data, dimensions }, labels, ...(parts.length > 1 && { groups }) };
}

function measures(confusion: Confusion, classes: readonly string[]): Record<string, number> {
  const { meanIou, iou, overallAccuracy } = segmentationScores(confusion);
  const each = classes.map((name, k) => [`IoU ${name}`, iou[k]!] as const);
  return { mIoU: meanIou, ...Object.fromEntries(each), OA: overallAccuracy };
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}

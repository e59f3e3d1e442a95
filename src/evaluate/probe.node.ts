import { createHash } from "node:crypto";
import { dirname, join as joinPath, resolve } from "node:path";
import type { LongCall } from "../core/progress.ts";
import { loadModel, modelConfig } from "../embed/load-model.node.ts";
import { sceneNeeds } from "../embed/scene-needs.ts";
import { software } from "../embed/software.ts";
import type { OpenSceneOptions } from "../imagery/scene/open-scene.node.ts";
import { createRuntime } from "../runtime/runtime.node.ts";
import type { Runtime } from "../runtime/session.ts";
import { type Extracted, extractVectors } from "./extract.node.ts";
import type { Extractor } from "./extractor.ts";
import { imageStats } from "./image-stats.ts";
import { divide, join, keptInMemory, type LabelledSet, type Parts, withoutSmallClasses } from "./labelled-set.ts";
import { type FeatureName, goingBy, modelFeatures } from "./model-features.ts";
import { openSet } from "./open-set.node.ts";
import { assess, type Labelled, type ProtocolName, predict, protocolNames } from "./protocols.ts";
import { randomFilters } from "./random-filters.ts";
import { describeRestriction, type Restriction, restrictPlace } from "./restrict.ts";
import { addResults, readResults } from "./result-file.node.ts";
import type { ProbeResult } from "./results.ts";
import { type StageName, stageFeatures } from "./stage-features.ts";

export interface ProbeOptions extends LongCall, Restriction {
  /** One set to divide, or two folders. */
  data: string | { train: string; test: string };
  subset?: string | undefined;
  /** Share of each class's items to learn from; default: all that the set marks "train". */
  trainRatio?: number | undefined;
  /** Leave out classes with fewer items. */
  minPerClass?: number | undefined;
  /** A name as `loadModel` takes, or a model file. Default "nano". */
  model?: string;
  /** Of the fused map or of one sensor's; or of stages of the HR encoder, see {@link stageFeatures}. */
  features?: FeatureName | readonly StageName[];
  protocols?: readonly ProtocolName[];
  /** One run each; a seed is that of the draw, of random weights and filters, of the choice of C and the bootstrap. */
  seeds?: readonly number[];
  /** Bring images to this many pixels a side. */
  size?: number | undefined;
  /** What the files do not say themselves. */
  scene?: OpenSceneOptions;
  device?: "auto" | "cpu" | "webgpu" | "cuda";
  /** JSON file that results are added to, and the table beside it (`.md` or `.csv`). */
  out: string;
  table?: string | undefined;
  /** Folder that keeps vectors between runs; default: "vectors" beside `out`. */
  cache?: string | undefined;
  /** As it was typed, for the records. */
  command?: string;
}

export interface ProbeReport {
  /** Of this call, those already known included. */
  results: ProbeResult[];
  /** Items that could not be used. */
  skipped: readonly { id: string; reason: string }[];
  files: { out: string; table: string };
}

/**
 * How much a model's features tell, without training it: k-NN and a linear probe on a labelled set, beside the same
 * for two kinds of features that were never learnt.
 *
 * Results are added to `out` one by one; what is there already for the same data, features and seed is not computed
 * again, so an interrupted call goes on where it stopped.
 *
 * @throws SkySenseError those of `openSet`, `divide`, `join`, `loadModel` and `extractVectors`
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const { data, subset, size, minPerClass = 1, model = "nano", out, seeds = [0] } = options;
  const { protocols = protocolNames, table = out.replace(/(\.json)?$/, ".md") } = options;
  const scene = { ...sceneNeeds(modelConfig(model)), ...options.scene };
  const open = async (path: string) => {
    const set = await openSet(path, { scene, ...(size && { size }), ...(subset !== undefined && { subset }) });
    return restricted(keptInMemory(withoutSmallClasses(set, minPerClass), keptBytes), options);
  };
  const sets = typeof data === "string" ? [await open(data)] : [await open(data.train), await open(data.test)];
  const skipped = new Map<string, string>();
  const results: ProbeResult[] = [];
  const runtime = createRuntime({ maxSessions: 4 });
  try {
    for (const seed of seeds) {
      const [first, second] = sets as [LabelledSet, LabelledSet?];
      const { set, parts } =
        second === undefined ? { set: first, parts: divide(first, { ...options, seed }) } : join(first, second);
      const reading = {
        ...{ paths: sets.map(({ path }) => resolve(path)), size, scene: { ...scene, signal: undefined } },
        ...{ sensors: options.sensors, dates: options.dates },
      };
      for (const make of extractorMakers(runtime, { ...options, model, seed })) {
        const { extractor, release } = await make();
        try {
          const run = { options, set, parts, extractor, seed, reading, protocols, files: { out, table } };
          const report = await probeFeatures(run);
          results.push(...report.results);
          for (const { id, reason } of report.skipped) skipped.set(id, reason);
        } finally {
          await release();
        }
      }
    }
  } finally {
    await runtime.release();
  }
  return { results, skipped: [...skipped].map(([id, reason]) => ({ id, reason })), files: { out, table } };
}

function restricted(set: LabelledSet, options: Restriction): LabelledSet {
  const said = describeRestriction(options);
  if (said === undefined) return set;
  const samples = set.samples.map((sample) => ({
    ...sample,
    read: async (reading?: { signal?: AbortSignal | undefined }) =>
      restrictPlace(await sample.read(reading), options),
  }));
  return { ...set, name: `${set.name}; ${said}`, samples };
}

/** Each set is read once for all features and seeds, where it is no larger. */
const keptBytes = 2 ** 29;

/** The two floors, then the model: whoever interrupts has the floors. */
function extractorMakers(runtime: Runtime, options: ProbeOptions & { model: string; seed: number }) {
  const { model: name, seed, device = "cpu", features } = options;
  const keep = async () => {};
  return [
    async () => ({ extractor: imageStats, release: keep }),
    async () => ({ extractor: randomFilters(runtime, { seed }), release: keep }),
    async () => {
      const model = goingBy(name, loadModel(name, { seed, device }));
      const extractor = await (typeof features === "object"
        ? stageFeatures(model, features)
        : modelFeatures(model, features));
      return { extractor, release: () => model.release() };
    },
  ];
}

interface Run {
  options: ProbeOptions;
  set: LabelledSet;
  parts: Parts;
  extractor: Extractor;
  seed: number;
  reading: unknown;
  protocols: readonly ProtocolName[];
  files: { out: string; table: string };
}

async function probeFeatures(run: Run): Promise<Pick<ProbeReport, "results" | "skipped">> {
  const { options, set, parts, extractor, seed, reading, protocols, files } = run;
  const samples = [...parts.train, ...parts.test];
  const stamps = await Promise.all(samples.map((sample) => sample.stamp()));
  const what = [
    software,
    reading,
    set.classes,
    parts.train.length,
    samples.map(({ id, labels }) => [id, labels]),
    stamps,
  ];
  const keyOf = (protocol: string) => hash([what, extractor.fingerprint, protocol, seed]);
  const known = await readResults(files.out);
  const results: ProbeResult[] = [];
  let extracted: Extracted | undefined;
  for (const protocol of protocols) {
    const key = keyOf(protocol);
    const before = known.filter((row) => row.run === key);
    if (before.length > 0) {
      results.push(...before);
      continue;
    }
    const cache = options.cache ?? joinPath(dirname(files.out), "vectors");
    extracted ??= await extractVectors(samples, extractor, { ...options, cache, reading });
    const rows = judge(extracted, protocol, run).map((row) => ({ ...row, command: options.command ?? "", run: key }));
    await addResults(rows, files);
    results.push(...rows);
  }
  return { results, skipped: extracted?.skipped ?? [] };
}

function judge(
  { samples, vectors, imagesPerSecond }: Extracted,
  protocol: ProtocolName,
  { set, parts, extractor, seed }: Run,
): Omit<ProbeResult, "command" | "run">[] {
  const { dimensions } = vectors;
  const learnt = new Set(parts.train);
  const part = (wanted: boolean): Labelled => {
    const rows = samples.flatMap((sample, i) => (learnt.has(sample) === wanted ? [i] : []));
    const data = new Float32Array(rows.length * dimensions);
    for (const [to, i] of rows.entries()) {
      data.set(vectors.data.subarray(i * dimensions, (i + 1) * dimensions), to * dimensions);
    }
    return { vectors: { data, dimensions }, labels: rows.map((i) => samples[i]!.labels) };
  };
  const [train, test] = [part(true), part(false)];
  const task = { classes: set.classes.length, multiLabel: set.multiLabel, seed };
  const predictions = predict(protocol, train, test, task);
  return assess(predictions, test.labels, task).map((measure) => ({
    dataset: set.name,
    features: extractor.name,
    protocol,
    ...measure,
    n: test.labels.length,
    train: train.labels.length,
    classes: task.classes,
    seed,
    dimensions,
    parameters: extractor.parameters,
    imagesPerSecond: Number.isNaN(imagesPerSecond) ? null : imagesPerSecond,
    ...predictions.details,
  }));
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { SkySenseError } from "../core/error.ts";
import type { LongCall } from "../core/progress.ts";
import { createRandom, type Random } from "../core/random.ts";
import { safetensorsParts } from "../core/safetensors.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import { withLock } from "../embed/lock.node.ts";
import type { Device, HostTensor } from "../runtime/session.ts";
import { type Weights, weightsFromTensors } from "../runtime/weights.ts";
import type { Batch, BatchSource } from "./batch.ts";
import {
  type CheckpointInfo,
  cleanCheckpoints,
  listCheckpoints,
  modelTensors,
  readCheckpoint,
  writeCheckpoint,
} from "./checkpoint.node.ts";
import { alone, type Communicator } from "./communicator.ts";
import type { FeedShapes } from "./compiled-graphs.node.ts";
import { coupledSteps } from "./coupled-step.node.ts";
import { combine, normOf, type Role, spansOf } from "./flat.ts";
import { type GroupRule, plainGroups } from "./groups.ts";
import { type MetricsLog, openMetricsLog } from "./metrics-log.node.ts";
import { momentsOf, type Optimiser, update } from "./optimiser.ts";
import { createPreparer, type Preparation, type Preparer } from "./prepare.node.ts";
import { broadcastState } from "./reduce.ts";
import { learningRate, type Schedule } from "./schedule.ts";
import { createState, type TrainState, type Values } from "./state.ts";
import { type StepContext, type StepOutcome, type StepRunner, separateSteps } from "./step.node.ts";
import type { CoupledGraph, SeparateGraph, TrainGraph } from "./train-graph.ts";

export interface TrainOptions extends LongCall {
  /** Folder for `metrics.jsonl`, `checkpoints/` and, at the end, `model.safetensors`. */
  out: string;
  /** The model: all parameters that the graph reads, by official name. */
  parameters: Iterable<readonly [name: string, values: Values]>;
  /** Default: all. What is not trainable is frozen, or a buffer if the graph gives a new value of it. */
  trainable?: (name: string) => boolean;
  /**
   * The job's graph for feeds of these shapes. Called again only when feeds come that the graph before does not take:
   * give inputs a symbolic batch (`batchDim`), and batch sizes may vary.
   */
  buildGraph: (shapes: FeedShapes) => TrainGraph;
  data: BatchSource;
  /** Further feeds, drawn from a generator that depends on seed, step and process alone: masks of drop path. */
  noise?: (batch: Batch, options: { random: Random; step: number }) => Readonly<Record<string, HostTensor>>;
  /** Further feeds that depend on the weights of the step; they come after `noise`. */
  prepare?: Preparation;
  optimiser: Optimiser;
  /** Default: {@link plainGroups}. */
  groups?: GroupRule;
  schedule: Schedule;
  /** Updates of the whole run. */
  steps: number;
  seed: number;
  /** Gradients longer than this are shortened to it (global L2 norm). */
  clip?: number;
  /** Batches of each process per update; default 1. */
  accumulate?: number;
  /**
   * Factor of the running mean of the weights, say 0.999, or one that goes from a value to another over the run along
   * half a cosine; default: none is kept. The graph may read the mean of a parameter as `average.<name>`.
   */
  average?: number | { from: number; to: number };
  /** Write a checkpoint after every so many updates (default 200) and keep the last few (default 2). */
  checkpoint?: { every?: number; keep?: number };
  /** Measure after every so many updates, and after the last, with the averaged weights where there are some. */
  evaluate?: {
    every: number;
    run: (weights: Weights, options: { step: number; signal?: AbortSignal }) => Promise<Record<string, number>>;
  };
  /** Called with the metrics of every step; what it throws ends the run, whose last checkpoint stays. */
  watch?: (step: number, metrics: Readonly<Record<string, number>>) => void;
  /** All else that decides what is computed, as plain data; resuming with another is refused. */
  config: unknown;
  /** Metadata of the `.safetensors` files with weights: what the model is. */
  metadata?: Record<string, string>;
  communicator?: Communicator;
  threads?: number;
  device?: Device;
}

export interface TrainResult {
  step: number;
  /** The trained model, averaged where an average was kept, with its frozen part. */
  weights: Weights;
}

/**
 * Train: the one loop of all jobs.
 *
 * The same options and data give the same numbers, bit for bit, on the same machine; a run that ended early goes on
 * from its last checkpoint in `out`, and ends with the numbers that it would have had. When `signal` is aborted, the
 * step at hand is finished and a checkpoint written before the call rejects with the signal's reason.
 *
 * `metrics.jsonl` has a line a step: `loss`, the graph's metrics, `lr`, `gradientNorm` (before clipping),
 * `parameterNorm`, `updateNorm`, `samples`, `samplesPerSecond`, `waitShare` (part of the step in which it waited for
 * data), and `evaluate.*` where measured.
 *
 * @throws SkySenseError `NOT_FINITE`: loss, gradient or weights became NaN or infinite; `CHECKPOINT_MISMATCH` |
 *   `CHECKPOINT_DAMAGED` | `FOLDER_BUSY` | `DISK_FULL` | `NOT_WRITABLE` | `OUT_OF_MEMORY`, and those of the data
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const writes = (options.communicator ?? alone).rank === 0;
  try {
    return await (writes ? withLock(options.out, () => trainLocked(options)) : trainLocked(options));
  } finally {
    await options.data.close?.(); // its threads would keep the process alive, also where the run could not begin
  }
}

async function trainLocked(options: TrainOptions): Promise<TrainResult> {
  const run = await openRun(options);
  try {
    while ((run.step < options.steps || run.pending !== undefined) && !run.stopped) {
      run.pending ??= await computeStep(run, options);
      if (run.pending !== undefined) await finishStep(run, run.pending, options);
    }
    if (run.step > run.saved) await save(run, options);
    await run.communicator.barrier(); // a process that leaves early would end the one that still writes
    if (run.stopped) {
      options.signal?.throwIfAborted();
      throw new Error("another process of this run was interrupted");
    }
    const tensors = modelTensors(run.state, weightsRole(options));
    if (run.log !== undefined) {
      await writeAtomic(join(options.out, "model.safetensors"), safetensorsParts(tensors, options.metadata));
    }
    return { step: run.step, weights: weightsFromTensors(tensors, { name: join(options.out, "model.safetensors") }) };
  } finally {
    run.log?.close();
    await Promise.all([run.runner.release(), run.preparer?.release()]);
  }
}

interface Run {
  state: TrainState;
  runner: StepRunner;
  preparer: Preparer | undefined;
  communicator: Communicator;
  /** Updates done, and those in the last checkpoint. */
  step: number;
  saved: number;
  /** The last checkpoint. */
  checkpoint: string | undefined;
  /** On rank 0 alone. */
  log: MetricsLog | undefined;
  /** The line of a step that was done and not yet measured. */
  pending: Record<string, number> | undefined;
  stopped: boolean;
}

async function openRun(options: TrainOptions): Promise<Run> {
  const { communicator = alone, accumulate = 1, average, out, threads = availableParallelism(), device } = options;
  const roles: Role[] = ["parameters", "gradients", ...momentsOf(options.optimiser)];
  if (accumulate > 1) roles.push("sums");
  if (average !== undefined) roles.push("averages");
  const state = createState(options.parameters, { trainable: options.trainable ?? (() => true), roles });
  if (average !== undefined) combine(state.flat, ["averages", "parameters"], { a: 0, b: 1 });

  const writes = communicator.rank === 0;
  const found = writes ? await resume(out, state, options) : beginning;
  const step = await broadcastState(state, found.step, communicator);
  const context = { state, communicator, session: { threads, ...(device && { device }) } };
  return {
    state,
    runner: stepsOf(options.buildGraph, context, { several: communicator.size * accumulate > 1 }),
    preparer: options.prepare && createPreparer(options.prepare, context),
    communicator,
    step,
    saved: step,
    checkpoint: found.checkpoint,
    log: writes ? openMetricsLog(join(out, "metrics.jsonl"), { bytes: found.metricsBytes }) : undefined,
    pending: found.pending,
    stopped: false,
  };
}

type Found = Omit<CheckpointInfo, "settings"> & { checkpoint: string | undefined };
const beginning: Found = { step: 0, metricsBytes: 0, pending: undefined, checkpoint: undefined };

async function resume(out: string, state: TrainState, options: TrainOptions): Promise<Found> {
  const folder = join(out, "checkpoints");
  await cleanCheckpoints(folder);
  const last = (await listCheckpoints(folder)).at(-1);
  if (last === undefined) return beginning;
  return { ...(await readCheckpoint(last.path, state, { settings: settingsOf(options) })), checkpoint: last.path };
}

/** What must be the same for a run to go on. */
function settingsOf({ optimiser, schedule, steps, seed, clip, accumulate, average, config }: TrainOptions): unknown {
  return { optimiser, schedule, steps, seed, clip, accumulate, average, config };
}

const isCoupled = (graph: TrainGraph): graph is CoupledGraph => "couple" in graph;

/** Steps of the kind that the job's graph needs, which is known when it has been built once. */
function stepsOf(
  buildGraph: TrainOptions["buildGraph"],
  context: StepContext,
  { several }: { several: boolean },
): StepRunner {
  const build = rememberLast(buildGraph);
  let chosen: StepRunner | undefined;
  return {
    run(batches, options) {
      const shapes = Object.entries(batches[0]!.feeds).map(([name, { shape }]) => [name, shape] as const);
      const coupled = chosen === undefined && several && isCoupled(build(Object.fromEntries(shapes)));
      chosen ??= coupled
        ? coupledSteps((feeds) => build(feeds) as CoupledGraph, context)
        : separateSteps((feeds) => inOneBatch(build(feeds)), context);
      return chosen.run(batches, options);
    },
    release: async () => chosen?.release(),
  };
}

/** Where all samples are in one batch, a loss that compares them is just more of the same graph. */
function inOneBatch(graph: TrainGraph): SeparateGraph {
  if (!isCoupled(graph)) return graph;
  return { ...graph.couple(graph.features), ...(graph.buffers && { buffers: graph.buffers }) };
}

function rememberLast(build: TrainOptions["buildGraph"]): TrainOptions["buildGraph"] {
  let last: { key: string; graph: TrainGraph } | undefined;
  return (shapes) => {
    const key = JSON.stringify(shapes);
    if (last?.key !== key) last = { key, graph: build(shapes) };
    return last.graph;
  };
}

/** One update. @returns its line for the log; undefined if the run was stopped before the data were there. */
async function computeStep(run: Run, options: TrainOptions): Promise<Record<string, number> | undefined> {
  const { signal } = options;
  const began = performance.now();
  // Several processes stop after the same step, which they find by asking each other in the step itself.
  const single = run.communicator.size === 1;
  let batches: Batch[];
  try {
    if (single) signal?.throwIfAborted();
    batches = await batchesOf(run, options);
  } catch (error) {
    if (!single || !signal?.aborted) throw error;
    run.stopped = true;
    return undefined;
  }
  const waited = performance.now() - began;
  const outcome = await run.runner.run(batches, { stop: signal?.aborted ?? false });
  const gradientNorm = normOf(run.state.flat, outcome.role) * outcome.gradientScale;
  requireFinite({ loss: outcome.loss, gradient: gradientNorm }, { run, outcome, batches });
  const lr = learningRate(options.schedule, run.step, options.steps);
  const updateNorm = applyGradients(run, options, { outcome, gradientNorm, lr });
  const parameterNorm = normOf(run.state.flat, "parameters");
  requireFinite({ weights: parameterNorm }, { run, outcome, batches });
  run.step++;
  run.stopped = outcome.stop;
  const { loss, metrics, samples } = outcome;
  const elapsed = performance.now() - began;
  const rounded = (x: number) => Number(x.toPrecision(3));
  const speed = { samplesPerSecond: rounded(samples / (elapsed / 1000)), waitShare: rounded(waited / elapsed) };
  const norms = { gradientNorm, parameterNorm, updateNorm };
  return { step: run.step, loss, ...metrics, lr, ...norms, samples, ...speed };
}

/** Measure, log and save where these are due. An interrupted measurement is made when the run goes on. */
async function finishStep(run: Run, record: Record<string, number>, options: TrainOptions): Promise<void> {
  const { signal, steps, onProgress, checkpoint } = options;
  let measured: Record<string, number>;
  try {
    measured = await measure(run, options);
  } catch (error) {
    if (run.communicator.size > 1 || !signal?.aborted) throw error;
    run.stopped = true;
    return;
  }
  run.log?.append({ ...record, ...measured });
  options.watch?.(run.step, record);
  run.pending = undefined;
  if (run.log !== undefined) onProgress?.({ phase: "train", done: run.step, total: steps, unit: "steps" });
  if (run.step % (checkpoint?.every ?? 200) === 0) await save(run, options);
}

async function batchesOf(run: Run, { data, accumulate = 1, noise, seed, signal }: TrainOptions): Promise<Batch[]> {
  const { step, communicator, preparer } = run;
  const batches: Batch[] = [];
  for (let i = 0; i < accumulate; i++) {
    const batch = await data.batch(step * accumulate + i, communicator.size === 1 && signal ? { signal } : {});
    const random = createRandom(seed, "noise", step, i, communicator.rank);
    const noisy =
      noise === undefined ? batch : { ...batch, feeds: { ...batch.feeds, ...noise(batch, { random, step }) } };
    batches.push((await preparer?.add(noisy, { random, step })) ?? noisy);
  }
  return batches;
}

/** From one value to another along half a cosine, at a part of the way. */
const between = ({ from, to }: { from: number; to: number }, part: number) =>
  to - ((to - from) * (1 + Math.cos(Math.PI * part))) / 2;

/** Clip, update and average. @returns the norm of what was added to the weights. */
function applyGradients(
  { state: { flat }, step }: Run,
  { optimiser, groups = plainGroups, clip, average, steps }: TrainOptions,
  { outcome, gradientNorm, lr }: { outcome: StepOutcome; gradientNorm: number; lr: number },
): number {
  // 1e-6 as in PyTorch's clip_grad_norm_.
  const clipping = clip === undefined ? 1 : Math.min(1, clip / (gradientNorm + 1e-6));
  const spans = spansOf(flat, ({ name, shape }) => (outcome.touched.has(name) ? groups(name, shape) : undefined));
  const gradientScale = outcome.gradientScale * clipping;
  const norm = update(flat, spans, optimiser, { step, lr, gradientScale, gradients: outcome.role });
  if (average !== undefined) {
    const a = typeof average === "number" ? average : between(average, step / steps);
    combine(flat, ["averages", "parameters"], { a, b: 1 - a });
  }
  return norm;
}

/** Squares of larger gradients overflow in float32, and AdamW would never move the weight again. */
const largest = 1e18;

function requireFinite(
  values: Readonly<Record<string, number>>,
  { run, outcome, batches }: { run: Run; outcome: StepOutcome; batches: readonly Batch[] },
): void {
  for (const [name, value] of Object.entries(values)) {
    if (Math.abs(value) < largest) continue;
    const files = outcome.badFiles.length > 0 ? outcome.badFiles : batches.flatMap((batch) => batch.files);
    const named = files.slice(0, 8).join(", ");
    const rest = files.length > 8 ? ` and ${files.length - 8} more` : "";
    const others = outcome.badFiles.length === 0 && run.communicator.size > 1 ? " or those of other processes" : "";
    throw new SkySenseError({
      code: "NOT_FINITE",
      what:
        `the ${name} became ${value} at step ${run.step + 1} with the files ${named || "of this batch"}${rest}${others}; ` +
        `the last good checkpoint is ${run.checkpoint ?? "the beginning"}`,
      remedy: "Look at these files; if they are right, train with a lower learning rate, longer warm-up or clipping.",
    });
  }
}

const weightsRole = ({ average }: TrainOptions) => (average === undefined ? "parameters" : "averages");

async function measure(run: Run, options: TrainOptions): Promise<Record<string, number>> {
  const { evaluate, steps } = options;
  const signal = run.communicator.size === 1 ? options.signal : undefined;
  if (evaluate === undefined || run.log === undefined) return {};
  if (run.step % evaluate.every !== 0 && run.step !== steps) return {};
  // Copies: a table that goes to another thread would take the whole memory of gradients and moments with it.
  const tensors = [...modelTensors(run.state, weightsRole(options))].map(
    ([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }] as const,
  );
  const weights = weightsFromTensors(new Map(tensors), { name: `weights of step ${run.step}` });
  const found = await evaluate.run(weights, { step: run.step, ...(signal && { signal }) });
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [`evaluate.${name}`, value]));
}

async function save(run: Run, options: TrainOptions): Promise<void> {
  const { out, metadata = {} } = options;
  if (run.log !== undefined) {
    const { step, pending } = run;
    const info = { step, settings: settingsOf(options), metricsBytes: run.log.sync(), ...(pending && { pending }) };
    const keep = options.checkpoint?.keep ?? 2;
    run.checkpoint = await writeCheckpoint(join(out, "checkpoints"), run.state, { info, keep, metadata });
  }
  run.saved = run.step;
}

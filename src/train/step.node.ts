import type { OnnxGraph } from "../graph/onnx.ts";
import type { InlineOptions } from "../runtime/inline.node.ts";
import type { HostTensor } from "../runtime/session.ts";
import type { Batch } from "./batch.ts";
import type { Communicator } from "./communicator.ts";
import { compiledGraphs, type FeedShapes } from "./compiled-graphs.node.ts";
import { arrayOf, combine, type Role, viewOf } from "./flat.ts";
import { partsSession } from "./parts-session.node.ts";
import { reduceNumbers, reduceRole } from "./reduce.ts";
import { type GraphPart, splitGraph } from "./split-graph.ts";
import { makeBuffer, parameterViews, type TrainState } from "./state.ts";
import { type DifferentiatedGraph, differentiate, type SeparateGraph } from "./train-graph.ts";

/** What the batches of one step, on all processes, gave. */
export interface StepOutcome {
  /** Mean over all batches by their weight. */
  loss: number;
  metrics: Record<string, number>;
  samples: number;
  /** Where the gradients are. */
  role: Role;
  /** Multiplies them: then they are those of `loss`. */
  gradientScale: number;
  /** Parameters that have a gradient. */
  touched: ReadonlySet<string>;
  /** A process was asked to stop. */
  stop: boolean;
  /** Files of this process's batches whose loss is no number. */
  badFiles: readonly string[];
}

/** Computes loss and gradients of a step. */
export interface StepRunner {
  run(batches: readonly Batch[], options: { stop: boolean }): Promise<StepOutcome>;
  release(): Promise<void>;
}

/** What all steps need. */
export interface StepContext {
  state: TrainState;
  communicator: Communicator;
  session: Pick<InlineOptions, "threads" | "device">;
}

/** Steps of a loss that is a mean over independent samples. */
export function separateSteps(build: (shapes: FeedShapes) => SeparateGraph, context: StepContext): StepRunner {
  const { state, communicator } = context;
  const { flat } = state;
  const trained = new Set(flat.slots.map(({ name }) => name));
  const graphs = compiledGraphs((shapes) => {
    const made = differentiate(build(shapes), { trainable: (name) => trained.has(name) });
    const parts = communicator.size > 1 ? splitGraph(made.outputs) : [];
    const bind = (part: GraphPart) => bindings({ ...made, graph: part.graph }, context);
    const open = () => partsSession(parts, { bind, communicator });
    return { ...made, bind: bindings(made, context), ...(parts.length > 1 && { open }) };
  });
  const clean = cleanGradients(context);

  return {
    async run(batches, { stop }) {
      const several = batches.length > 1;
      const touched = new Set<string>();
      const totals = new Totals();
      for (const [i, batch] of batches.entries()) {
        const { made, run } = await graphs.for(batch.feeds);
        clean(made.graph);
        const results = await run(batch.feeds);
        renewBuffers(state, results);
        for (const name of made.touched) touched.add(name);
        const weight = results.weight?.data[0] ?? batch.samples;
        totals.add(results, { weight: Number(weight), batch });
        if (several) combine(flat, ["sums", "gradients"], { a: i === 0 ? 0 : 1, b: Number(weight) });
        else if (communicator.size > 1) combine(flat, ["gradients", "gradients"], { a: Number(weight), b: 0 });
      }
      const role = several ? "sums" : "gradients";
      await reduceRole(flat, role, communicator);
      await averageBuffers(context);
      const { weight, ...sums } = await totals.reduce(communicator, { stop });
      const gradientScale = several || communicator.size > 1 ? 1 / Math.max(weight, Number.MIN_VALUE) : 1;
      return { ...sums, role, gradientScale, touched };
    },
    release: () => graphs.release(),
  };
}

/** Loss and metrics over the batches of a step. */
export class Totals {
  #loss = 0;
  #weight = 0;
  #samples = 0;
  readonly #metrics = new Map<string, number>();
  readonly #badFiles: string[] = [];

  add(results: Readonly<Record<string, HostTensor>>, { weight, batch }: { weight: number; batch: Batch }): void {
    const loss = Number(results.loss!.data[0]);
    if (!Number.isFinite(loss)) this.#badFiles.push(...batch.files);
    this.#loss += weight * loss;
    this.#weight += weight;
    this.#samples += batch.samples;
    for (const [key, { data }] of Object.entries(results)) {
      if (!key.startsWith("metric.")) continue;
      const name = key.slice("metric.".length);
      this.#metrics.set(name, (this.#metrics.get(name) ?? 0) + weight * Number(data[0]));
    }
  }

  /** The means over all processes, which must have the same metrics. */
  async reduce(communicator: Communicator, { stop }: { stop: boolean }) {
    const own = [this.#loss, this.#weight, this.#samples, stop ? 1 : 0, ...this.#metrics.values()];
    const [loss, weight, samples, stops, ...metrics] = await reduceNumbers(own, communicator);
    return {
      loss: loss! / weight!,
      weight: weight!,
      samples: samples!,
      stop: stops! > 0,
      metrics: Object.fromEntries([...this.#metrics.keys()].map((name, i) => [name, metrics[i]! / weight!])),
      badFiles: this.#badFiles,
    };
  }
}

/** A graph's parameters and gradients as views on the state. */
export function bindings({ graph }: DifferentiatedGraph, { state, session }: StepContext): InlineOptions {
  const writes: Record<string, HostTensor> = {};
  const written = new Set(graph.outputs.map(({ name }) => name));
  for (const slot of state.flat.slots) {
    if (!written.has(`grad.${slot.name}`)) continue;
    writes[`grad.${slot.name}`] = { data: viewOf(state.flat, "gradients", slot), shape: slot.shape };
  }
  return { reads: parametersFor(graph, state), writes, ...session };
}

/** The parameters that a graph reads; buffers that it renews become the run's own first. */
export function parametersFor({ parameters, outputs }: OnnxGraph, state: TrainState): Record<string, HostTensor> {
  for (const { name } of outputs) if (name.startsWith("after.")) makeBuffer(state, name.slice("after.".length));
  const views = parameterViews(state);
  return Object.fromEntries(parameters.flatMap(({ name }) => (views.has(name) ? [[name, views.get(name)!]] : [])));
}

/** Zero the gradients whenever another graph writes them, which may leave out some that the one before wrote. */
export function cleanGradients({ state: { flat } }: StepContext): (graph: OnnxGraph) => void {
  let last: OnnxGraph | undefined;
  return (graph) => {
    if (graph !== last) for (const block of flat.blocks) arrayOf(block, "gradients").fill(0);
    last = graph;
  };
}

export function renewBuffers({ fixed }: TrainState, results: Readonly<Record<string, HostTensor>>): void {
  for (const [key, { data }] of Object.entries(results)) {
    if (key.startsWith("after.")) fixed.get(key.slice("after.".length))!.data.set(data as Float32Array);
  }
}

/** Running statistics may be those of each process's own batches; the processes go on with their mean. */
export async function averageBuffers({ state: { fixed, buffers }, communicator }: StepContext): Promise<void> {
  if (communicator.size === 1) return;
  for (const name of buffers) {
    const { data } = fixed.get(name)!;
    await communicator.allReduce(data);
    for (let i = 0; i < data.length; i++) data[i]! /= communicator.size;
  }
}

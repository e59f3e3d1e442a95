import type { HostTensor } from "../runtime/session.ts";
import type { Batch } from "./batch.ts";
import type { Communicator } from "./communicator.ts";
import { compiledGraphs, type FeedShapes } from "./compiled-graphs.node.ts";
import { combine } from "./flat.ts";
import { reduceNumbers, reduceRole } from "./reduce.ts";
import {
  averageBuffers,
  bindings,
  cleanGradients,
  parametersFor,
  renewBuffers,
  type StepContext,
  type StepRunner,
  Totals,
} from "./step.node.ts";
import { backwardGraph, type CoupledGraph, couplingGraph, featureGraph } from "./train-graph.ts";

/**
 * Steps of a loss that compares all samples of all batches and processes with each other: features of every batch, the
 * loss over all of them, and from its gradients those of the parameters, batch by batch.
 */
export function coupledSteps(build: (shapes: FeedShapes) => CoupledGraph, context: StepContext): StepRunner {
  const { state, communicator, session } = context;
  const trained = new Set(state.flat.slots.map(({ name }) => name));
  // Forward and backward graphs come from one `build`, made for the same shapes.
  const forward = compiledGraphs((shapes) => {
    const job = build(shapes);
    const graph = featureGraph(job);
    return { job, graph, bind: { reads: parametersFor(graph, state), writes: {}, ...session } };
  });
  const backward = compiledGraphs((shapes) => {
    const feeds = Object.entries(shapes).filter(([name]) => !name.startsWith("cotangent."));
    const made = backwardGraph(build(Object.fromEntries(feeds)), (name) => trained.has(name));
    return { ...made, bind: bindings(made, context) };
  });
  const clean = cleanGradients(context);
  let job: CoupledGraph | undefined;
  const coupling = compiledGraphs((shapes) => {
    const features = Object.entries(shapes).map(([name, shape]) => [name.slice("feature.".length), shape] as const);
    return { graph: couplingGraph(job!, Object.fromEntries(features)), bind: { reads: {}, writes: {}, ...session } };
  });

  return {
    async run(batches, { stop }) {
      const features: Record<string, HostTensor>[] = [];
      // Not by feeds alone: what only some of the features need, their backward graph might not read.
      const jobs: CoupledGraph[] = [];
      for (const batch of batches) {
        const { made, run } = await forward.for(batch.feeds);
        job = made.job;
        jobs.push(made.job);
        const results = await run(batch.feeds);
        renewBuffers(state, results);
        features.push(Object.fromEntries(Object.entries(results).filter(([name]) => name.startsWith("feature."))));
      }
      const gathered = await gather(features, batches, communicator);
      const loss = await (await coupling.for(gathered.all, job)).run(gathered.all);
      const touched = new Set<string>();
      for (const [i, batch] of batches.entries()) {
        const feeds: Record<string, HostTensor> = { ...batch.feeds };
        for (const [name, own] of Object.entries(features[i]!)) {
          const cotangent = name.replace("feature.", "cotangent.");
          const width = own.data.length / batch.samples;
          const begin = gathered.begins[i]! * width;
          const data = loss[cotangent]!.data.subarray(begin, begin + own.data.length) as Float32Array;
          feeds[cotangent] = { data, shape: own.shape };
        }
        const { made, run } = await backward.for(feeds, jobs[i]);
        clean(made.graph);
        await run(feeds);
        for (const name of made.touched) touched.add(name);
        if (batches.length > 1) combine(state.flat, ["sums", "gradients"], { a: i === 0 ? 0 : 1, b: 1 });
      }
      const role = batches.length > 1 ? "sums" : "gradients";
      await reduceRole(state.flat, role, communicator);
      await averageBuffers(context);
      // Every process has the loss of all samples already; what is added up is only how many there are, and who stops.
      const totals = new Totals();
      const samples = batches.reduce((sum, batch) => sum + batch.samples, 0);
      totals.add(loss, {
        weight: samples,
        batch: { feeds: {}, samples, files: batches.flatMap(({ files }) => files) },
      });
      const { weight: _, ...sums } = await totals.reduce(communicator, { stop });
      return { ...sums, role, gradientScale: 1, touched };
    },
    async release() {
      await Promise.all([forward.release(), backward.release(), coupling.release()]);
    },
  };
}

/**
 * The features of all batches of all processes, rank by rank. There is no all-gather to be had: each process adds its
 * part to zeros.
 *
 * @returns Also where each of this process's own batches begins, counted in samples.
 */
async function gather(
  features: readonly Record<string, HostTensor>[],
  batches: readonly Batch[],
  communicator: Communicator,
): Promise<{ all: Record<string, HostTensor>; begins: number[] }> {
  const { rank, size } = communicator;
  const own = Array.from({ length: size * batches.length }, (_, i) =>
    Math.floor(i / batches.length) === rank ? batches[i % batches.length]!.samples : 0,
  );
  const samples = await reduceNumbers(own, communicator);
  const total = samples.reduce((sum, n) => sum + n, 0);
  const begins = batches.map((_, i) => samples.slice(0, rank * batches.length + i).reduce((sum, n) => sum + n, 0));
  const all: Record<string, HostTensor> = {};
  for (const [name, { shape }] of Object.entries(features[0]!)) {
    const width = shape.slice(1).reduce((product, extent) => product * extent, 1);
    const data = new Float32Array(total * width);
    for (const [i, begin] of begins.entries()) data.set(features[i]![name]!.data as Float32Array, begin * width);
    if (size > 1) await communicator.allReduce(data);
    all[name] = { data, shape: [total, ...shape.slice(1)] };
  }
  return { all, begins };
}

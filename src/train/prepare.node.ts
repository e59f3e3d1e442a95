import type { Random } from "../core/random.ts";
import { toOnnx } from "../graph/onnx.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { HostTensor } from "../runtime/session.ts";
import type { Batch } from "./batch.ts";
import { compiledGraphs, type FeedShapes } from "./compiled-graphs.node.ts";
import { parametersFor, type StepContext } from "./step.node.ts";

type Feeds = Readonly<Record<string, HostTensor>>;

/**
 * What has to be computed with the weights of a step before its loss can be set up, as a detector's proposals: a graph
 * of its own, and plain code that makes feeds of its outputs.
 */
export interface Preparation {
  /** Outputs by name, from the batch's feeds and the model's parameters. */
  build: (shapes: FeedShapes) => Readonly<Record<string, Tensor>>;
  /** What the loss is fed beside the batch. `random` depends on seed, step and process alone. */
  feeds: (outputs: Feeds, batch: Batch, options: { random: Random; step: number }) => Feeds;
}

/** Prepares batches with the weights as they are now. */
export interface Preparer {
  add(batch: Batch, options: { random: Random; step: number }): Promise<Batch>;
  release(): Promise<void>;
}

export function createPreparer({ build, feeds }: Preparation, { state, session }: StepContext): Preparer {
  const graphs = compiledGraphs((shapes) => {
    const graph = toOnnx(build(shapes));
    return { graph, bind: { reads: parametersFor(graph, state), writes: {}, ...session } };
  });
  return {
    async add(batch, options) {
      const { run } = await graphs.for(batch.feeds);
      const outputs = await run(batch.feeds);
      return { ...batch, feeds: { ...batch.feeds, ...feeds(outputs, batch, options) } };
    },
    release: () => graphs.release(),
  };
}

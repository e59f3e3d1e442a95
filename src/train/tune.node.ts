import type { SensorName } from "../core/place.ts";
import type { LongCall } from "../core/progress.ts";
import type { ParameterTree } from "../model/parameters.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import type { DropMask } from "../model/training.ts";
import type { Weights } from "../runtime/weights.ts";
import type { BatchSource } from "./batch.ts";
import type { Communicator } from "./communicator.ts";
import type { FeedShapes } from "./compiled-graphs.node.ts";
import { drawShare } from "./drop-masks.ts";
import type { SeparateGraph } from "./train-graph.ts";
import { type TrainOptions, train } from "./trainer.node.ts";
import { encodersGroups, startValues, type TuningSettings, tunable } from "./tuning.ts";

/** Where a run writes, and what it shares with whoever called: every task takes these. */
export interface TuneRun extends LongCall {
  /** Folder for the run. */
  out: string;
  communicator?: Communicator | undefined;
  threads?: number | undefined;
  checkpoint?: TrainOptions["checkpoint"];
}

/** A job of a task: an encoder with heads, and how these learn. */
export interface TuneJob extends Pick<TrainOptions, "steps" | "clip" | "prepare"> {
  /** What the run starts from; closed when it has ended. Parameters of the same name and shape are taken. */
  base: { config: SkySenseConfig; weights: Weights };
  /** Whose encoder it is, or encoders. */
  sensor: SensorName | readonly SensorName[];
  /** The encoder under its official name `backbone_…`, and heads beside it. */
  tree: ParameterTree;
  /** How the names of what was pre-trained begin. Default "backbone_" alone. */
  pretrained?: readonly string[];
  /** Of any batch, or for feeds of these shapes. */
  graph: SeparateGraph | ((shapes: FeedShapes) => SeparateGraph);
  /** Masks that the graph wants at every step. */
  masks?: readonly DropMask[];
  data: BatchSource;
  settings: Pick<TuningSettings, "mode" | "batchSize" | "lr" | "seed"> &
    Partial<Pick<TuningSettings, "weightDecay" | "layerDecay">>;
  /** Default: half a cosine after a twentieth of the steps, down to a hundredth. */
  schedule?: TrainOptions["schedule"];
  /** Whatever else decides what is computed. */
  config?: object;
  /** What the model is, for its file. */
  metadata?: Record<string, string>;
}

/**
 * Fine-tune: train heads on an encoder, which is frozen, adapted or trained as `settings.mode` says, by AdamW with
 * layer-wise decay. Each sample is treated the same whatever the number of processes. An interrupted run goes on when
 * it is called again.
 *
 * @throws SkySenseError those of `train`
 */
export async function tune(
  job: TuneJob,
  { out, communicator, threads, checkpoint, signal, onProgress }: TuneRun,
): Promise<Weights> {
  const {
    base,
    tree,
    graph,
    masks = [],
    pretrained = ["backbone_"],
    settings,
    config,
    clip,
    prepare,
    metadata,
  } = job;
  const { mode, batchSize, seed, lr, layerDecay = 1, weightDecay = 0 } = settings;
  const { steps, schedule = { kind: "cosine", lr, warmup: Math.ceil(steps / 20), end: 0.01 } } = job;
  const share = { rank: communicator?.rank ?? 0, size: communicator?.size ?? 1 };
  try {
    const { weights } = await train({
      out,
      parameters: startValues(tree, { weights: base.weights, seed }),
      trainable: tunable(tree, { mode, encoders: pretrained }),
      buildGraph: typeof graph === "function" ? graph : () => graph,
      data: job.data,
      noise: (_, { step }) => drawShare(masks, { batchSize, seed, step, share }),
      optimiser: { kind: "adamw", weightDecay },
      groups: encodersGroups(base.config, { sensors: [job.sensor].flat(), rate: layerDecay }),
      schedule,
      steps,
      seed,
      config: { ...config, settings, model: await base.weights.sha256() },
      ...(clip !== undefined && { clip }),
      ...(prepare && { prepare }),
      ...(metadata && { metadata }),
      ...(communicator && { communicator }),
      ...(threads && { threads }),
      ...(checkpoint && { checkpoint }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    });
    return weights;
  } finally {
    base.weights.close();
  }
}

import type { Place } from "../../core/place.ts";
import { createModel } from "../../embed/model.ts";
import { toOnnx } from "../../graph/onnx.ts";
import { createRuntime } from "../../runtime/runtime.node.ts";
import type { Device, Session } from "../../runtime/session.ts";
import type { Weights } from "../../runtime/weights.ts";
import type { LoadedBatch } from "../../train/data/make-batch.ts";
import { withoutAdapters } from "../../train/tuning.ts";
import { probabilitiesOf } from "../names/probabilities.ts";
import { readModel } from "../read-model.node.ts";
import { seriesFeeds } from "./feeds.ts";
import { mapGraph, type SeriesConfig, seriesScores } from "./head.ts";
import { seriesFile } from "./model-file.ts";

/** A model of dated places and its weights. */
export interface SeriesModel {
  config: SeriesConfig;
  weights: Weights;
}

/** A model of dated places that is ready to run. */
export interface SeriesSession extends SeriesModel {
  /**
   * Of a model that draws maps: class scores [cells, classes] of places of any size, with any of its sensors and any
   * number of dates; NaN where a cell has no valid pixel.
   */
  scores(places: readonly Place[], options?: { signal?: AbortSignal | undefined }): Promise<Float32Array[]>;
  /** Of another: probabilities [places, classes] of a batch of the size that it learnt from. */
  probabilities(batch: LoadedBatch, options?: { signal?: AbortSignal | undefined }): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Read the file of a model. @throws SkySenseError `NO_CONFIG` and those of `openWeights` */
export function readSeriesModel(path: string): SeriesModel {
  return readModel(path, seriesFile);
}

/** Make a model ready; adapters are added to the weights that they adapt. */
export function openSeriesModel(
  model: SeriesModel,
  { threads, device = "cpu" }: { threads?: number | undefined; device?: Device | "auto" | undefined } = {},
): SeriesSession {
  const runtime = createRuntime(threads === undefined ? {} : { threads });
  const { config, weights } = withoutAdapters(model);
  const { classes } = config;
  const encoder = createModel(
    { name: weights.name, config: config.model, trained: true, weights },
    { runtime, device },
  );
  const sessions = new Map<string, Promise<Session>>();
  const sessionFor = (key: string, graph: () => Parameters<typeof toOnnx>[0]) => {
    const made = sessions.get(key) ?? runtime.compile(toOnnx(graph()), { device, weights });
    sessions.set(key, made);
    return made;
  };
  return {
    ...model,
    async scores(places, { signal } = {}) {
      const abort = signal === undefined ? {} : { signal };
      const encoded = await encoder.encodeCells(places, abort);
      return Promise.all(
        encoded.map(async ({ fused, valid, channels, grid }) => {
          const head = await sessionFor(grid.join(), () => ({ logits: mapGraph(config, grid) }));
          const feed = { data: asImage(fused, valid, channels), shape: [1, channels, ...grid] };
          const { logits } = await head.run({ fused: feed }, abort);
          const values = logits!.data as Float32Array;
          for (const [cell, there] of valid.entries()) {
            if (there === 0) values.fill(Number.NaN, cell * classes.length, (cell + 1) * classes.length);
          }
          return values;
        }),
      );
    },
    async probabilities(batch, { signal } = {}) {
      const { labels: _, ...feeds } = seriesFeeds(batch, config);
      const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
      // Any number of places and images, but of so many dates.
      const key = JSON.stringify(Object.entries(shapes).map(([name, shape]) => [name, shape.slice(1)]));
      const session = await sessionFor(key, () => ({ logits: seriesScores(config, shapes) }));
      const needed = session.inputs.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]] as const] : []));
      const { logits } = await session.run(Object.fromEntries(needed), signal === undefined ? {} : { signal });
      return probable(logits!.data as Float32Array, config);
    },
    release: () => runtime.release(),
  };
}

/** [cells, channels] → [channels, cells], zero where a cell is not valid. */
function asImage(fused: Float32Array, valid: Uint8Array, channels: number): Float32Array {
  const out = new Float32Array(fused.length);
  for (const [cell, there] of valid.entries()) {
    if (there === 0) continue;
    for (let c = 0; c < channels; c++) out[c * valid.length + cell] = fused[cell * channels + c]!;
  }
  return out;
}

/** Logits [places, classes] as probabilities. */
function probable(logits: Float32Array, { answer, classes }: SeriesConfig): Float32Array {
  const out = new Float32Array(logits.length);
  for (let from = 0; from < logits.length; from += classes.length) {
    const own = logits.subarray(from, from + classes.length);
    out.set(probabilitiesOf(own, { multiLabel: answer === "classes" }), from);
  }
  return out;
}

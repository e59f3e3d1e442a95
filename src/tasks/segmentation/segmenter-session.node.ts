import type { Place } from "../../core/place.ts";
import { type PreparedStack, prepareStack } from "../../embed/prepare.ts";
import { toOnnx } from "../../graph/onnx.ts";
import { createRuntime } from "../../runtime/runtime.node.ts";
import type { Device, Session } from "../../runtime/session.ts";
import { openWeights } from "../../runtime/weights.node.ts";
import type { Weights } from "../../runtime/weights.ts";
import { mergeAdapters } from "../../train/tuning.ts";
import { inferenceGraph, type SegmenterConfig, stride } from "./head.ts";
import { segmenterFile } from "./model-file.ts";

/** A segmenter that is ready to run. */
export interface SegmenterSession {
  readonly config: SegmenterConfig;
  readonly weights: Weights;
  /**
   * Class scores of places with one image each of the segmenter's sensor: [cells, classes], one cell for `stride`
   * pixels along a side, rounded up.
   */
  scores(places: readonly Place[], options?: { signal?: AbortSignal | undefined }): Promise<Float32Array[]>;
  release(): Promise<void>;
}

/** Read a segmenter's file. @throws SkySenseError `NO_CONFIG` and those of `openWeights` */
export function readSegmenter(path: string): { config: SegmenterConfig; weights: Weights } {
  const weights = openWeights(path);
  return { config: segmenterFile.read(weights.metadata, { file: path }), weights };
}

/** Make a segmenter ready; adapters are added to the weights that they adapt. */
export function openSegmenter(
  { config, weights }: { config: SegmenterConfig; weights: Weights },
  { threads, device = "cpu" }: { threads?: number | undefined; device?: Device | "auto" } = {},
): SegmenterSession {
  const runtime = createRuntime(threads === undefined ? {} : { threads });
  const { adapters, ...plain } = config;
  const merged = adapters === undefined ? weights : mergeAdapters(weights, adapters);
  const sessions = new Map<string, Promise<Session>>();
  const sessionFor = (height: number, width: number) => {
    const key = `${height} × ${width}`;
    const known = sessions.get(key);
    if (known !== undefined) return known;
    const graph = toOnnx({ logits: inferenceGraph(plain, [height, width]) });
    const made = runtime.compile(graph, { device, weights: merged });
    sessions.set(key, made);
    return made;
  };
  /** [images, cells, classes] of images of one size. */
  const run = async (images: readonly PreparedStack[], { signal }: { signal?: AbortSignal | undefined }) => {
    const [, bands, height, width] = images[0]!.shape;
    const length = bands * height * width;
    const data = new Float32Array(images.length * length);
    for (const [i, image] of images.entries()) data.set(image.data.subarray(0, length), i * length);
    const session = await sessionFor(height, width);
    const feeds = { images: { data, shape: [images.length, bands, height, width] } };
    const { logits } = await session.run(feeds, signal === undefined ? {} : { signal });
    return logits!.data as Float32Array;
  };
  return {
    config,
    weights,
    async scores(places, options = {}) {
      const prepared = places.map((place) => prepareStack(config.sensor, place[config.sensor]!, config.model));
      const results: Float32Array[] = [];
      await Promise.all(
        groupByShape(prepared).map(async (indices) => {
          const logits = await run(
            indices.map((i) => prepared[i]!),
            options,
          );
          for (const [j, i] of indices.entries()) {
            const [, , height, width] = places[i]![config.sensor]!.shape;
            const own = logits.subarray(
              (j * logits.length) / indices.length,
              ((j + 1) * logits.length) / indices.length,
            );
            results[i] = cut(own, config, { padded: prepared[i]!.shape[3], height, width });
          }
        }),
      );
      return results;
    },
    release: () => runtime.release(),
  };
}

/** Positions of items of each shape. */
function groupByShape(items: readonly { shape: readonly number[] }[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [i, { shape }] of items.entries()) groups.set(shape.join(), [...(groups.get(shape.join()) ?? []), i]);
  return [...groups.values()];
}

/** The cells of the image itself, without those of what it was extended by. */
function cut(
  logits: Float32Array,
  config: SegmenterConfig,
  { padded, height, width }: { padded: number; height: number; width: number },
): Float32Array {
  const [step, classes] = [stride(config), config.classes.length];
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  const out = new Float32Array(rows * columns * classes);
  for (let row = 0; row < rows; row++) {
    const from = row * (padded / step) * classes;
    out.set(logits.subarray(from, from + columns * classes), row * columns * classes);
  }
  return out;
}

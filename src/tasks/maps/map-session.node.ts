import type { Place } from "../../core/place.ts";
import { type PreparedStack, prepareStack } from "../../embed/prepare.ts";
import { toOnnx } from "../../graph/onnx.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { createRuntime } from "../../runtime/runtime.node.ts";
import type { Device, Session } from "../../runtime/session.ts";
import type { Weights } from "../../runtime/weights.ts";
import { mergeAdapters } from "../../train/tuning.ts";
import { type MapperConfig, stride } from "./mapper.ts";

/** A model that gives pixels classes, ready to run. */
export interface MapSession<Config extends MapperConfig = MapperConfig> {
  readonly config: Config;
  readonly weights: Weights;
  /**
   * Class scores of places with as many images of the model's sensor as it takes: [cells, classes], one cell for
   * `stride` pixels along a side, rounded up.
   */
  scores(places: readonly Place[], options?: { signal?: AbortSignal | undefined }): Promise<Float32Array[]>;
  release(): Promise<void>;
}

/**
 * Make a model ready; adapters are added to the weights that they adapt.
 *
 * @param options.dates  Images of a place that it looks at together.
 * @param options.graph  Images "images" [batch, bands, height, width], or with several dates [batch, dates, bands,
 *   height, width] → class scores [batch, height / stride, width / stride, classes].
 */
export function openMapper<Config extends MapperConfig>(
  { config, weights }: { config: Config; weights: Weights },
  {
    graph,
    dates = 1,
    threads,
    device = "cpu",
  }: {
    graph: (config: Config, size: readonly [height: number, width: number]) => Tensor;
    dates?: number;
    threads?: number | undefined;
    device?: Device | "auto" | undefined;
  },
): MapSession<Config> {
  const runtime = createRuntime(threads === undefined ? {} : { threads });
  const plain = { ...config, adapters: undefined };
  const merged = config.adapters === undefined ? weights : mergeAdapters(weights, config.adapters);
  const sessions = new Map<string, Promise<Session>>();
  const sessionFor = (height: number, width: number) => {
    const key = `${height} × ${width}`;
    const known = sessions.get(key);
    if (known !== undefined) return known;
    const onnx = toOnnx({ logits: graph(plain, [height, width]) });
    const made = runtime.compile(onnx, { device, weights: merged });
    sessions.set(key, made);
    return made;
  };
  /** [images, cells, classes] of images of one size. */
  const run = async (images: readonly PreparedStack[], { signal }: { signal?: AbortSignal | undefined }) => {
    const [, bands, height, width] = images[0]!.shape;
    const length = dates * bands * height * width;
    let data = images[0]!.data.subarray(0, length);
    if (images.length > 1) {
      data = new Float32Array(images.length * length);
      for (const [i, image] of images.entries()) data.set(image.data.subarray(0, length), i * length);
    }
    const session = await sessionFor(height, width);
    const shape = [images.length, ...(dates > 1 ? [dates] : []), bands, height, width];
    const feeds = { images: { data, shape } };
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
  config: MapperConfig,
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

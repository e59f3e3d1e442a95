import type { Place } from "../../core/place.ts";
import { prepareStack } from "../../embed/prepare.ts";
import { toOnnx } from "../../graph/onnx.ts";
import { batchDim } from "../../graph/shape.ts";
import { input } from "../../graph/tensor.ts";
import { type Detections, detections } from "../../model/detection/detections.ts";
import { firstStage, levelOutputs, secondStage } from "../../model/detection/faster-rcnn.ts";
import { proposals } from "../../model/detection/proposals.ts";
import { roiLevels } from "../../model/detection/roi-levels.ts";
import { createRuntime } from "../../runtime/runtime.node.ts";
import type { Device, HostTensor, Session } from "../../runtime/session.ts";
import { openWeights } from "../../runtime/weights.node.ts";
import type { Weights } from "../../runtime/weights.ts";
import { mergeAdapters } from "../../train/tuning.ts";
import { bindDetector, type DetectorConfig, fasterRcnnOf } from "./head.ts";
import { readDetectorConfig } from "./model-file.ts";

/** A detector that is ready to run. */
export interface DetectorSession {
  readonly config: DetectorConfig;
  /** Objects in a place with one HR image, in its pixels. */
  detect(place: Place, options?: { signal?: AbortSignal | undefined }): Promise<Detections>;
  release(): Promise<void>;
}

/** Read a detector's file. @throws SkySenseError `NO_CONFIG` and those of `openWeights` */
export function readDetector(path: string): { config: DetectorConfig; weights: Weights } {
  const weights = openWeights(path);
  return { config: readDetectorConfig(weights.metadata, { file: path }), weights };
}

type Feeds = Readonly<Record<string, HostTensor>>;

/** Make a detector ready; adapters are added to the weights that they adapt. */
export function openDetector(
  { config, weights }: { config: DetectorConfig; weights: Weights },
  { threads, device = "cpu" }: { threads?: number | undefined; device?: Device | "auto" } = {},
): DetectorSession {
  const runtime = createRuntime(threads === undefined ? {} : { threads });
  const { adapters, ...plain } = config;
  const merged = adapters === undefined ? weights : mergeAdapters(weights, adapters);
  const settings = fasterRcnnOf(plain);
  const stages = new Map<string, Promise<{ first: Session; second: Session }>>();
  const stagesFor = (height: number, width: number) => {
    const key = `${height} × ${width}`;
    const graphs = () =>
      stageGraphs(plain, [height, width]).map((graph) => runtime.compile(graph, { device, weights: merged }));
    const made =
      stages.get(key) ?? Promise.all(graphs()).then(([first, second]) => ({ first: first!, second: second! }));
    stages.set(key, made);
    return made;
  };
  return {
    config,
    async detect(place, { signal } = {}) {
      const stack = place.hr!;
      const { data, shape } = prepareStack("hr", stack, config.model);
      const [, bands, height, width] = shape;
      const options = signal === undefined ? {} : { signal };
      const { first, second } = await stagesFor(height, width);
      const images = { data: data.subarray(0, bands * height * width), shape: [1, bands, height, width] };
      const seen = await first.run({ images }, options);
      const clip = [stack.shape[2], stack.shape[3]] as const;
      const levels = settings.anchors.strides.map((_, i) => {
        const [rows, columns] = seen[`logits.${i}`]!.shape.slice(2) as [number, number];
        return {
          logits: floats(seen, `logits.${i}`),
          deltas: floats(seen, `deltas.${i}`),
          size: [rows, columns] as const,
        };
      });
      const { boxes } = proposals(levelOutputs(settings, levels), { ...settings.proposals, clip });
      if (boxes.length === 0)
        return detections(boxes, { scores: boxes, deltas: boxes }, { ...settings.detections, clip });
      const found = await second.run(regionFeeds(boxes, seen, settings.roi.strides.length), options);
      const output = { scores: floats(found, "scores"), deltas: floats(found, "deltas") };
      return detections(boxes, output, { ...settings.detections, clip });
    },
    release: () => runtime.release(),
  };
}

function floats(values: Feeds, name: string): Float32Array<ArrayBuffer> {
  return values[name]!.data as Float32Array<ArrayBuffer>;
}

function regionFeeds(boxes: Float32Array<ArrayBuffer>, first: Feeds, levels: number): Feeds {
  const n = boxes.length / 4;
  const maps = Array.from({ length: levels }, (_, i) => [`maps.${i}`, first[`maps.${i}`]!] as const);
  return {
    ...Object.fromEntries(maps),
    boxes: { data: boxes, shape: [n, 4] },
    levels: { data: BigInt64Array.from(roiLevels(boxes, levels), BigInt), shape: [n] },
    images: { data: new BigInt64Array(n), shape: [n] },
  };
}

/** From an image to the pyramid and proposals' outputs; from the pyramid and regions to scores and deltas. */
function stageGraphs(c: DetectorConfig, [height, width]: readonly [number, number]) {
  const [p, settings] = [bindDetector(c), fasterRcnnOf(c)];
  const { maps, logits, deltas } = firstStage(p, input("images", [1, c.model.hr!.bands, height, width]), settings);
  const pooled = maps.slice(0, settings.roi.strides.length);
  const named = (name: string, list: typeof maps) => list.map((t, i) => [`${name}.${i}`, t] as const);
  const n = batchDim("regions");
  const regions = {
    boxes: input("boxes", [n, 4]),
    levels: input("levels", [n], "int64"),
    images: input("images", [n], "int64"),
  };
  const fed = pooled.map((map, i) => input(`maps.${i}`, map.shape));
  const { scores, deltas: moves } = secondStage(p, fed, regions, settings);
  return [
    toOnnx(Object.fromEntries([...named("maps", pooled), ...named("logits", logits), ...named("deltas", deltas)])),
    toOnnx({ scores, deltas: moves }),
  ];
}

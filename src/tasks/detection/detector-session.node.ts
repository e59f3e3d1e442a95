import type { Place } from "../../core/place.ts";
import { prepareStack } from "../../embed/prepare.ts";
import { toOnnx } from "../../graph/onnx.ts";
import { batchDim, timesDim } from "../../graph/shape.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { boxHead } from "../../model/detection/box-head.ts";
import { boxKind, regionLevels } from "../../model/detection/box-kind.ts";
import { type Detections, detections } from "../../model/detection/detections.ts";
import {
  type FasterRcnnConfig,
  firstStage,
  levelOutputs,
  regionFeatures,
} from "../../model/detection/faster-rcnn.ts";
import { proposals } from "../../model/detection/proposals.ts";
import { poolTaps, rotatedTaps, tapsPerBin } from "../../model/detection/rotated/rotated-taps.ts";
import { createRuntime } from "../../runtime/runtime.node.ts";
import type { Device, HostTensor, Session } from "../../runtime/session.ts";
import type { Weights } from "../../runtime/weights.ts";
import { withoutAdapters } from "../../train/tuning.ts";
import { readModel } from "../read-model.node.ts";
import { bindDetector, type DetectorConfig, fasterRcnnOf } from "./head.ts";
import { detectorFile } from "./model-file.ts";

/** A detector that is ready to run. */
export interface DetectorSession {
  readonly config: DetectorConfig;
  /** Objects in a place with one HR image, in its pixels. */
  detect(place: Place, options?: { signal?: AbortSignal | undefined }): Promise<Detections>;
  release(): Promise<void>;
}

/** Read a detector's file. @throws SkySenseError `NO_CONFIG` and those of `openWeights` */
export function readDetector(path: string): { config: DetectorConfig; weights: Weights } {
  return readModel(path, detectorFile);
}

type Feeds = Readonly<Record<string, HostTensor>>;

/** Regions that the second stage sees at once: what they take of memory is bounded so. */
const regionsAtOnce = 250;

/** Make a detector ready; adapters are added to the weights that they adapt. */
export function openDetector(
  { config, weights }: { config: DetectorConfig; weights: Weights },
  { threads, device = "cpu" }: { threads?: number | undefined; device?: Device | "auto" } = {},
): DetectorSession {
  const runtime = createRuntime(threads === undefined ? {} : { threads });
  const ready = withoutAdapters({ config, weights });
  const settings = fasterRcnnOf(ready.config);
  const kind = boxKind(settings.boxes);
  const stages = new Map<string, Promise<{ first: Session; second: Session }>>();
  const stagesFor = (height: number, width: number) => {
    const key = `${height} × ${width}`;
    const graphs = () =>
      stageGraphs(ready.config, [height, width]).map((graph) =>
        runtime.compile(graph, { device, weights: ready.weights }),
      );
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
      const { boxes } = proposals(levelOutputs(settings, levels), { ...settings.proposals, kind, clip });
      const found = { scores: [] as number[], deltas: [] as number[] };
      for (let from = 0; from < boxes.length; from += kind.dims * regionsAtOnce) {
        const part = boxes.subarray(from, from + kind.dims * regionsAtOnce);
        const { scores, deltas } = await second.run(regionFeeds(part, seen, settings), options);
        found.scores.push(...(scores!.data as Float32Array));
        found.deltas.push(...(deltas!.data as Float32Array));
      }
      const output = { scores: Float32Array.from(found.scores), deltas: Float32Array.from(found.deltas) };
      return detections(boxes, output, { ...settings.detections, kind, clip });
    },
    release: () => runtime.release(),
  };
}

function floats(values: Feeds, name: string): Float32Array<ArrayBuffer> {
  return values[name]!.data as Float32Array<ArrayBuffer>;
}

function regionFeeds(boxes: Float32Array<ArrayBuffer>, first: Feeds, settings: FasterRcnnConfig): Feeds {
  const kind = boxKind(settings.boxes);
  const { size, strides } = settings.roi;
  const n = boxes.length / kind.dims;
  const maps = Object.fromEntries(strides.map((_, i) => [`maps.${i}`, first[`maps.${i}`]!]));
  const levels = regionLevels(kind, boxes, strides.length);
  if (kind.dims === 4) {
    return {
      ...maps,
      boxes: { data: boxes, shape: [n, 4] },
      levels: { data: BigInt64Array.from(levels, BigInt), shape: [n] },
      images: { data: new BigInt64Array(n), shape: [n] },
    };
  }
  const sizes = strides.map((stride, i) => {
    const [rows, columns] = maps[`maps.${i}`]!.shape.slice(2) as [number, number];
    return { stride, rows, columns };
  });
  const { cells, weights } = rotatedTaps(boxes, { levels, maps: sizes, size });
  const shape = [n * size * size, tapsPerBin];
  return { ...maps, cells: { data: cells, shape }, weights: { data: weights, shape } };
}

/** From an image to the pyramid and proposals' outputs; from the pyramid and regions to scores and deltas. */
function stageGraphs(c: DetectorConfig, [height, width]: readonly [number, number]) {
  const [p, settings] = [bindDetector(c), fasterRcnnOf(c)];
  const { maps, logits, deltas } = firstStage(p, input("images", [1, c.model.hr!.bands, height, width]), settings);
  const pooled = maps.slice(0, settings.roi.strides.length);
  const named = (name: string, list: typeof maps) => list.map((t, i) => [`${name}.${i}`, t] as const);
  const fed = pooled.map((map, i) => input(`maps.${i}`, map.shape));
  const second = boxHead(p.roi_head.bbox_head, regionsOf(fed, settings));
  return [
    toOnnx(Object.fromEntries([...named("maps", pooled), ...named("logits", logits), ...named("deltas", deltas)])),
    toOnnx({ scores: second.scores, deltas: second.deltas }),
  ];
}

/** Features of regions that are fed as `regionFeeds` makes them. */
function regionsOf(maps: readonly Tensor[], { boxes, roi }: FasterRcnnConfig): Tensor {
  const n = batchDim("regions");
  if (!boxes.oriented) {
    const [levels, images] = [input("levels", [n], "int64"), input("images", [n], "int64")];
    return regionFeatures(maps, { boxes: input("boxes", [n, 4]), levels, images }, roi);
  }
  const shape = [timesDim(n, roi.size ** 2), tapsPerBin];
  const taps = { cells: input("cells", shape, "int64"), weights: input("weights", shape) };
  return poolTaps(maps, taps, { n, size: roi.size });
}

import { type Boxes, type ImageSize, takeRows } from "./boxes.ts";
import { type DeltaScale, decodeDeltas } from "./delta-coder.ts";
import { nms } from "./nms.ts";

export interface DetectionOptions {
  /** Detections are above this probability. */
  minScore: number;
  /** Overlap above which a better box of the same class suppresses. */
  iou: number;
  /** The best detections of an image that stay. */
  keep: number;
  coder: DeltaScale;
}

/** Objects of one image, by falling score. */
export interface Detections {
  boxes: Boxes;
  /** Probabilities. */
  scores: Float32Array<ArrayBuffer>;
  /** Numbers of the classes. */
  labels: Int32Array<ArrayBuffer>;
}

/**
 * What the second stage found (specification §6.1): every class of every region a candidate, suppression by class.
 *
 * @param regions  Proposals [n, 4].
 * @param output  `scores`: logits [n, classes + 1], the last one of the background; `deltas` [n, classes·4] or [n, 4].
 * @param options.clip  Size of the image without its padding, to which boxes are cut.
 */
export function detections(
  regions: Boxes,
  { scores: logits, deltas }: { scores: Float32Array; deltas: Float32Array },
  { minScore, iou, keep, coder, clip }: DetectionOptions & { clip: ImageSize },
): Detections {
  const n = regions.length / 4;
  const classes = n === 0 ? 0 : logits.length / n - 1;
  const decoded = decodeDeltas(regions, deltas, { ...coder, clip });
  const boxesOf = n === 0 ? 1 : deltas.length / (4 * n);
  const candidates: { row: number; label: number; score: number }[] = [];
  for (let i = 0; i < n; i++) {
    const probabilities = softmax(logits.subarray(i * (classes + 1), (i + 1) * (classes + 1)));
    for (let label = 0; label < classes; label++) {
      const score = probabilities[label]!;
      if (score > minScore) candidates.push({ row: i * boxesOf + (boxesOf === 1 ? 0 : label), label, score });
    }
  }
  const rows = candidates.map(({ row }) => row);
  const boxes = takeRows(decoded, rows, 4);
  const scores = Float32Array.from(candidates, ({ score }) => score);
  const groups = candidates.map(({ label }) => label);
  const kept = nms(boxes, scores, { iou, groups, most: keep });
  return {
    boxes: takeRows(boxes, kept, 4),
    scores: takeRows(scores, kept, 1),
    labels: Int32Array.from(kept, (i) => groups[i]!),
  };
}

function softmax(logits: Float32Array): Float32Array<ArrayBuffer> {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = Array.from(logits, (x) => Math.exp(x - top));
  const sum = exps.reduce((a, b) => a + b, 0);
  return Float32Array.from(exps, (x) => x / sum);
}

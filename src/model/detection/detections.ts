import type { BoxKind } from "./box-kind.ts";
import { type ImageSize, takeRows } from "./boxes.ts";

export interface DetectionOptions {
  /** Detections are above this probability. */
  minScore: number;
  /** Overlap above which a better box of the same class suppresses. */
  iou: number;
  /** The best detections of an image that stay. */
  keep: number;
}

/** Objects of one image, by falling score. */
export interface Detections {
  /** [n, 4], or [n, 5] with an angle. */
  boxes: Float32Array<ArrayBuffer>;
  /** Probabilities. */
  scores: Float32Array<ArrayBuffer>;
  /** Numbers of the classes. */
  labels: Int32Array<ArrayBuffer>;
}

/**
 * What the second stage found (specification §6.1): every class of every region a candidate, suppression by class.
 *
 * @param regions  Proposals [n, dims].
 * @param output  `scores`: logits [n, classes + 1], the last one of the background; `deltas` [n, classes·dims] or
 *   [n, dims].
 * @param options.clip  Size of the image without its padding, to which horizontal boxes are cut.
 */
export function detections(
  regions: Float32Array<ArrayBuffer>,
  { scores: logits, deltas }: { scores: Float32Array; deltas: Float32Array },
  { minScore, iou, keep, kind, clip }: DetectionOptions & { kind: BoxKind; clip: ImageSize },
): Detections {
  const n = regions.length / kind.dims;
  const classes = n === 0 ? 0 : logits.length / n - 1;
  const decoded = kind.moveRegions(regions, deltas, clip);
  const boxesOf = n === 0 ? 1 : deltas.length / (kind.dims * n);
  const candidates: { row: number; label: number; score: number }[] = [];
  for (let i = 0; i < n; i++) {
    const probabilities = softmax(logits.subarray(i * (classes + 1), (i + 1) * (classes + 1)));
    for (let label = 0; label < classes; label++) {
      const score = probabilities[label]!;
      if (score > minScore) candidates.push({ row: i * boxesOf + (boxesOf === 1 ? 0 : label), label, score });
    }
  }
  const rows = candidates.map(({ row }) => row);
  const boxes = takeRows(decoded, rows, kind.dims);
  const scores = Float32Array.from(candidates, ({ score }) => score);
  const groups = candidates.map(({ label }) => label);
  const kept = kind.suppress(boxes, scores, { iou, groups, most: keep });
  return {
    boxes: takeRows(boxes, kept, kind.dims),
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

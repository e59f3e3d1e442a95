import { type Boxes, type ImageSize, takeRows } from "./boxes.ts";
import { type DeltaScale, decodeDeltas } from "./delta-coder.ts";
import { byScore, nms } from "./nms.ts";

/** What the region proposal network says of one level of one image. */
export interface LevelOutput {
  /** Logits [anchors, h, w]. */
  logits: Float32Array;
  /** [anchors·4, h, w]. */
  deltas: Float32Array;
  /** h·w. */
  cells: number;
  /** In the order (row, column, anchor): [h·w·anchors, 4]. */
  anchors: Boxes;
}

export interface ProposalOptions {
  /** Best anchors of a level that are looked at. */
  perLevel: number;
  /** Overlap above which a better box of the same level suppresses. */
  iou: number;
  /** Proposals that stay. */
  keep: number;
  /** Both sides must be longer than this, in pixels. */
  minSide: number;
  coder: DeltaScale;
}

export interface Proposals {
  boxes: Boxes;
  /** Between 0 and 1, falling. */
  scores: Float32Array<ArrayBuffer>;
}

/**
 * The boxes that the second stage looks at (specification §6.1): the best of every level, ranked together.
 *
 * @param options.clip  Size of the image without its padding, to which boxes are cut.
 */
export function proposals(levels: readonly LevelOutput[], options: ProposalOptions & { clip: ImageSize }): Proposals {
  const found = levels.map((level) => levelCandidates(level, options));
  const boxes = joined(found.map((level) => level.boxes));
  const scores = joined(found.map((level) => level.scores));
  const groups = found.flatMap((level, i) => Array.from(level.scores, () => i));
  const kept = nms(boxes, scores, { iou: options.iou, groups, most: options.keep });
  return { boxes: takeRows(boxes, kept, 4), scores: takeRows(scores, kept, 1) };
}

function levelCandidates(
  { logits, deltas, cells, anchors }: LevelOutput,
  { perLevel, minSide, clip, coder }: ProposalOptions & { clip: ImageSize },
): Proposals {
  const scores = cellsFirst(logits, cells).map(sigmoid);
  const best = byScore(scores).subarray(0, perLevel);
  const moves = takeRows(cellsFirst(deltas, cells), best, 4);
  const boxes = decodeDeltas(takeRows(anchors, best, 4), moves, { ...coder, clip });
  const large = Array.from(best.keys()).filter(
    (i) => boxes[4 * i + 2]! - boxes[4 * i]! > minSide && boxes[4 * i + 3]! - boxes[4 * i + 1]! > minSide,
  );
  return { boxes: takeRows(boxes, large, 4), scores: takeRows(takeRows(scores, best, 1), large, 1) };
}

/** [channels, cells] → [cells, channels]. */
export function cellsFirst(values: Float32Array, cells: number): Float32Array<ArrayBuffer> {
  const channels = values.length / cells;
  const out = new Float32Array(values.length);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < cells; i++) out[i * channels + c] = values[c * cells + i]!;
  }
  return out;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function joined(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

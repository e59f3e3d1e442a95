import type { BoxKind } from "./box-kind.ts";
import { type Boxes, type ImageSize, takeRows } from "./boxes.ts";
import { byScore, nms } from "./nms.ts";

/** What the region proposal network says of one level of one image. */
export interface LevelOutput {
  /** Logits [anchors, h, w]. */
  logits: Float32Array;
  /** [anchors·anchorDims, h, w]. */
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
}

export interface Proposals {
  /** [n, dims]. */
  boxes: Float32Array<ArrayBuffer>;
  /** Between 0 and 1, falling. */
  scores: Float32Array<ArrayBuffer>;
}

type Context = ProposalOptions & { kind: BoxKind; clip: ImageSize };

/**
 * The boxes that the second stage looks at (specification §6.1): the best of every level, ranked together. Oriented
 * ones suppress each other by the horizontal boxes around them (§6.3).
 *
 * @param options.clip  Size of the image without its padding, to which horizontal boxes are cut.
 */
export function proposals(levels: readonly LevelOutput[], options: Context): Proposals {
  const { kind, iou, keep } = options;
  const found = levels.map((level) => levelCandidates(level, options));
  const boxes = joined(found.map((level) => level.boxes));
  const scores = joined(found.map((level) => level.scores));
  const groups = found.flatMap((level, i) => Array.from(level.scores, () => i));
  const kept = nms(kind.around(boxes), scores, { iou, groups, most: keep });
  return { boxes: takeRows(boxes, kept, kind.dims), scores: takeRows(scores, kept, 1) };
}

function levelCandidates(
  { logits, deltas, cells, anchors }: LevelOutput,
  { perLevel, minSide, clip, kind }: Context,
): Proposals {
  const scores = cellsFirst(logits, cells).map(sigmoid);
  const best = byScore(scores).subarray(0, perLevel);
  const moves = takeRows(cellsFirst(deltas, cells), best, kind.anchorDims);
  const boxes = kind.moveAnchors(takeRows(anchors, best, 4), moves, clip);
  const large = Array.from(best.keys()).filter((i) => kind.sides(boxes, i).every((side) => side > minSide));
  return { boxes: takeRows(boxes, large, kind.dims), scores: takeRows(takeRows(scores, best, 1), large, 1) };
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

import { type Boxes, boxIou, type ImageSize } from "./boxes.ts";
import { type DeltaScale, decodeDeltas, encodeDeltas } from "./delta-coder.ts";
import { nms } from "./nms.ts";
import { levelOfSides } from "./roi-levels.ts";
import { decodeMidpoints, encodeMidpoints } from "./rotated/midpoint-coder.ts";
import { toHorizontal } from "./rotated/rotated-boxes.ts";
import { decodeRotated, encodeRotated } from "./rotated/rotated-coder.ts";
import { rotatedIou, rotatedNms } from "./rotated/rotated-iou.ts";

type Numbers = Float32Array<ArrayBuffer>;

/** How differences are scaled: from anchors to regions, and from regions to objects. */
export interface BoxScales {
  oriented: boolean;
  anchors: DeltaScale;
  regions: DeltaScale;
}

/**
 * What differs between detectors of horizontal boxes (Faster R-CNN, specification §6.1) and of oriented ones (Oriented
 * R-CNN, §6.3). Boxes are [n, dims]; anchors are always horizontal, [n, 4].
 */
export interface BoxKind {
  /** Numbers of a box: 4, or 5 with an angle. */
  dims: 4 | 5;
  /** Numbers by which anchors move: 4, or 6. */
  anchorDims: 4 | 6;
  /** Boxes of anchors [n, 4] and moves [n, anchorDims]. Horizontal boxes are cut at the image. */
  moveAnchors(anchors: Boxes, moves: Float32Array, clip?: ImageSize): Numbers;
  /** Moves [n, anchorDims] from anchors to boxes. */
  anchorMoves(anchors: Boxes, boxes: Numbers): Numbers;
  /** Boxes [n, dims·k] of regions [n, dims] and moves [n, dims·k]. */
  moveRegions(regions: Numbers, moves: Float32Array, clip?: ImageSize): Numbers;
  /** Moves [n, dims] from regions to boxes. */
  regionMoves(regions: Numbers, boxes: Numbers): Numbers;
  /** The horizontal boxes around boxes. */
  around(boxes: Numbers): Boxes;
  /** Intersection over union of every pair: [n, dims], [m, dims] → [n, m]. */
  overlaps(a: Numbers, b: Numbers): Float32Array<ArrayBuffer>;
  /** Positions of the boxes that stay, by falling score. */
  suppress(
    boxes: Numbers,
    scores: Float32Array,
    options: { iou: number; groups: ArrayLike<number>; most: number },
  ): number[];
  /** Width and height of box i. */
  sides(boxes: Numbers, i: number): readonly [width: number, height: number];
}

export function boxKind({ oriented, anchors: anchorScale, regions: regionScale }: BoxScales): BoxKind {
  if (oriented) {
    return {
      dims: 5,
      anchorDims: 6,
      moveAnchors: (anchors, moves) => decodeMidpoints(anchors, moves, anchorScale),
      anchorMoves: (anchors, boxes) => encodeMidpoints(anchors, boxes, anchorScale),
      moveRegions: (regions, moves) => decodeRotated(regions, moves, regionScale),
      regionMoves: (regions, boxes) => encodeRotated(regions, boxes, regionScale),
      around: toHorizontal,
      overlaps: (a, b) => Float32Array.from(rotatedIou(a, b)),
      suppress: rotatedNms,
      sides: (boxes, i) => [boxes[5 * i + 2]!, boxes[5 * i + 3]!],
    };
  }
  return {
    dims: 4,
    anchorDims: 4,
    moveAnchors: (anchors, moves, clip) => decodeDeltas(anchors, moves, { ...anchorScale, clip }),
    anchorMoves: (anchors, boxes) => encodeDeltas(anchors, boxes, anchorScale),
    moveRegions: (regions, moves, clip) => decodeDeltas(regions, moves, { ...regionScale, clip }),
    regionMoves: (regions, boxes) => encodeDeltas(regions, boxes, regionScale),
    around: (boxes) => boxes,
    overlaps: boxIou,
    suppress: nms,
    sides: (boxes, i) => [boxes[4 * i + 2]! - boxes[4 * i]!, boxes[4 * i + 3]! - boxes[4 * i + 1]!],
  };
}

/** Level of the pyramid whose cells fit each box. */
export function regionLevels(kind: BoxKind, boxes: Numbers, levels: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: boxes.length / kind.dims }, (_, i) => levelOfSides(kind.sides(boxes, i), levels));
}

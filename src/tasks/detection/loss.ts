import { acrossProcesses } from "../../graph/ops/across-processes.ts";
import { add } from "../../graph/ops/add.ts";
import { concat } from "../../graph/ops/concat.ts";
import { oneHot } from "../../graph/ops/equal.ts";
import { mul } from "../../graph/ops/mul.ts";
import { sum } from "../../graph/ops/reduce.ts";
import { reshape } from "../../graph/ops/reshape.ts";
import { roiAlignBy } from "../../graph/ops/roi-align.ts";
import { transpose } from "../../graph/ops/transpose.ts";
import { batchDim, timesDim } from "../../graph/shape.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { boxHead } from "../../model/detection/box-head.ts";
import { boxKind } from "../../model/detection/box-kind.ts";
import { type FirstStage, firstStage } from "../../model/detection/faster-rcnn.ts";
import { poolTaps, tapsPerBin } from "../../model/detection/rotated/rotated-taps.ts";
import { type DropMask, dropInputs } from "../../model/training.ts";
import { binaryCrossEntropy } from "../../train/losses/binary-cross-entropy.ts";
import { crossEntropy } from "../../train/losses/cross-entropy.ts";
import { l1Loss, smoothL1Loss } from "../../train/losses/regression.ts";
import type { SeparateGraph } from "../../train/train-graph.ts";
import { bindDetector, type DetectorConfig, fasterRcnnOf } from "./head.ts";

/** Images "images" [batch, bands, size, size], normalised. */
function images({ model, size }: DetectorConfig): Tensor {
  return input("images", [batchDim(), model.hr!.bands, size, size]);
}

/** What the proposal network says of a batch, from which proposals are made: `logits.<level>` and `deltas.<level>`. */
export function proposalGraph(c: DetectorConfig): Record<string, Tensor> {
  const { logits, deltas } = firstStage(bindDetector(c), images(c), fasterRcnnOf(c));
  return Object.fromEntries([
    ...logits.map((t, i) => [`logits.${i}`, t] as const),
    ...deltas.map((t, i) => [`deltas.${i}`, t] as const),
  ]);
}

/**
 * The four losses of Faster R-CNN (specification §6.2), or of Oriented R-CNN (§6.3), all of weight 1, for what `rpnTargets` and `roiTargets` feed.
 *
 * @param options.regions  Regions of an image.
 * @returns the graph, and the masks that are to be drawn for every step.
 */
export function lossGraph(
  c: DetectorConfig,
  { dropPath, regions }: { dropPath: number; regions: number },
): { graph: SeparateGraph; masks: readonly DropMask[] } {
  const { drop, masks } = dropInputs("backbone_hr.");
  const p = bindDetector(c);
  const first = firstStage(p, images(c), fasterRcnnOf(c), { dropPath: { rate: dropPath, drop } });
  const rpn = rpnLosses(first, c);
  const pooled = pool(c, first.maps, regions);
  const head = headLosses(c, boxHead(p.roi_head.bbox_head, pooled));
  const losses = { rpnClass: rpn.classes, rpnBox: rpn.boxes, headClass: head.classes, headBox: head.boxes };
  return { graph: { loss: Object.values(losses).reduce(add), metrics: losses }, masks };
}

interface Losses {
  classes: Tensor;
  boxes: Tensor;
}

function rpnLosses({ logits, deltas }: FirstStage, c: DetectorConfig): Losses {
  const { anchorDims } = boxKind(fasterRcnnOf(c).boxes);
  const perAnchor = (maps: readonly Tensor[], width: number) =>
    concat(
      maps.map((map) => {
        const [batch, channels, h, w] = map.shape as [Tensor["shape"][number], number, number, number];
        return reshape(transpose(map, [0, 2, 3, 1]), [batch, (h * w * channels) / width, width]);
      }),
      { axis: 1 },
    );
  const boxes = perAnchor(deltas, anchorDims);
  const over = samplesOf("rpn");
  const [batch, n] = boxes.shape as [Tensor["shape"][number], number];
  return {
    classes: binaryCrossEntropy(reshape(perAnchor(logits, 1), [batch, n]), input("rpn.labels", [batch, n]), {
      weight: input("rpn.weights", [batch, n]),
      over,
    }),
    boxes: boxLoss(boxes, input("rpn.targets", [batch, n, anchorDims]), {
      weight: input("rpn.boxWeights", [batch, n, 1]),
      over,
      beta: c.oriented ? 1 / 9 : 0,
    }),
  };
}

/**
 * What sums over samples are divided by: how many a process has on average, so that the mean over processes is that of
 * one with all of them.
 */
function samplesOf(stage: "rpn" | "roi"): Tensor {
  return acrossProcesses(input(`${stage}.samples`, []), "mean");
}

/** L1 as in mmdet's Faster R-CNN, or with a beta smooth L1 as in mmrotate's Oriented R-CNN. */
function boxLoss(
  x: Tensor,
  target: Tensor,
  { beta, ...reduction }: { weight: Tensor; over: Tensor; beta: number },
): Tensor {
  return beta > 0 ? smoothL1Loss(x, target, { ...reduction, beta }) : l1Loss(x, target, reduction);
}

/** Features of the regions, each from the map of its level. */
function pool(c: DetectorConfig, maps: readonly Tensor[], regions: number): Tensor {
  const { roi } = fasterRcnnOf(c);
  const used = maps.slice(0, roi.strides.length);
  if (c.oriented) {
    const n = timesDim(used[0]!.shape[0]!, regions);
    const shape = [timesDim(n, roi.size ** 2), tapsPerBin];
    return poolTaps(
      used,
      { cells: input("roi.cells", shape, "int64"), weights: input("roi.weights", shape) },
      { n, size: roi.size },
    );
  }
  return used
    .map((map, i) => {
      const [batch, , h, w] = map.shape as [Tensor["shape"][number], number, number, number];
      const rows = input(`roi.rows.${i}`, [batch, regions, roi.size, h]);
      const columns = input(`roi.columns.${i}`, [batch, regions, roi.size, w]);
      return roiAlignBy(map, { rows, columns });
    })
    .reduce(add);
}

function headLosses(c: DetectorConfig, { scores, deltas }: { scores: Tensor; deltas: Tensor }): Losses {
  const { boxes, head } = fasterRcnnOf(c);
  const { dims } = boxKind(boxes);
  const classes = c.classes.length;
  const n = scores.shape[0]!;
  const labels = input("roi.labels", [n], "int64");
  const over = samplesOf("roi");
  // Each region's moves of its own class; background has none.
  const own = reshape(oneHot(labels, classes), [n, classes, 1]);
  const chosen = head.classAgnostic ? deltas : sum(mul(reshape(deltas, [n, classes, dims]), own), { axes: [1] });
  return {
    classes: crossEntropy(scores, labels, { ignore: -1, over }),
    boxes: boxLoss(chosen, input("roi.targets", [n, dims]), {
      weight: input("roi.boxWeights", [n, 1]),
      over,
      beta: c.oriented ? 1 : 0,
    }),
  };
}

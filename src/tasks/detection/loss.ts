import { add } from "../../graph/ops/add.ts";
import { concat } from "../../graph/ops/concat.ts";
import { oneHot } from "../../graph/ops/equal.ts";
import { mul } from "../../graph/ops/mul.ts";
import { sum } from "../../graph/ops/reduce.ts";
import { reshape } from "../../graph/ops/reshape.ts";
import { roiAlignBy } from "../../graph/ops/roi-align.ts";
import { transpose } from "../../graph/ops/transpose.ts";
import { batchDim } from "../../graph/shape.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { boxHead } from "../../model/detection/box-head.ts";
import { type FirstStage, firstStage } from "../../model/detection/faster-rcnn.ts";
import { type DropMask, dropInputs } from "../../model/training.ts";
import { binaryCrossEntropy } from "../../train/losses/binary-cross-entropy.ts";
import { crossEntropy } from "../../train/losses/cross-entropy.ts";
import { l1Loss } from "../../train/losses/regression.ts";
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
 * The four losses of Faster R-CNN (specification §6.2), all of weight 1, for what `rpnTargets` and `roiTargets` feed.
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
  const rpn = rpnLosses(first);
  const pooled = pool(c, first.maps, regions);
  const head = headLosses(c, boxHead(p.roi_head.bbox_head, pooled));
  const losses = { rpnClass: rpn.classes, rpnBox: rpn.boxes, headClass: head.classes, headBox: head.boxes };
  return { graph: { loss: Object.values(losses).reduce(add), metrics: losses }, masks };
}

interface Losses {
  classes: Tensor;
  boxes: Tensor;
}

function rpnLosses({ logits, deltas }: FirstStage): Losses {
  const perAnchor = (maps: readonly Tensor[], width: number) =>
    concat(
      maps.map((map) => {
        const [batch, channels, h, w] = map.shape as [Tensor["shape"][number], number, number, number];
        return reshape(transpose(map, [0, 2, 3, 1]), [batch, (h * w * channels) / width, width]);
      }),
      { axis: 1 },
    );
  const boxes = perAnchor(deltas, 4);
  const [batch, n] = boxes.shape as [Tensor["shape"][number], number];
  return {
    classes: binaryCrossEntropy(reshape(perAnchor(logits, 1), [batch, n]), input("rpn.labels", [batch, n]), {
      weight: input("rpn.weights", [batch, n]),
      over: "nothing",
    }),
    boxes: l1Loss(boxes, input("rpn.targets", [batch, n, 4]), {
      weight: input("rpn.boxWeights", [batch, n, 1]),
      over: "nothing",
    }),
  };
}

/** Features of the regions, each from the map of its level. */
function pool(c: DetectorConfig, maps: readonly Tensor[], regions: number): Tensor {
  const { roi } = fasterRcnnOf(c);
  return roi.strides
    .map((_, i) => {
      const [batch, , h, w] = maps[i]!.shape as [Tensor["shape"][number], number, number, number];
      const rows = input(`roi.rows.${i}`, [batch, regions, roi.size, h]);
      const columns = input(`roi.columns.${i}`, [batch, regions, roi.size, w]);
      return roiAlignBy(maps[i]!, { rows, columns });
    })
    .reduce(add);
}

function headLosses({ classes }: DetectorConfig, { scores, deltas }: { scores: Tensor; deltas: Tensor }): Losses {
  const n = scores.shape[0]!;
  const labels = input("roi.labels", [n], "int64");
  // Each region's deltas of its own class; background has none.
  const own = reshape(oneHot(labels, classes.length), [n, classes.length, 1]);
  const chosen = sum(mul(reshape(deltas, [n, classes.length, 4]), own), { axes: [1] });
  return {
    classes: crossEntropy(scores, labels, { ignore: -1 }),
    boxes: l1Loss(chosen, input("roi.targets", [n, 4]), {
      weight: input("roi.boxWeights", [n, 1]),
      over: "nothing",
    }),
  };
}

import { add } from "../../graph/ops/add.ts";
import { equal, oneHot } from "../../graph/ops/equal.ts";
import { logSoftmax } from "../../graph/ops/log-softmax.ts";
import { mul } from "../../graph/ops/mul.ts";
import { sum } from "../../graph/ops/reduce.ts";
import { reshape } from "../../graph/ops/reshape.ts";
import { sub } from "../../graph/ops/sub.ts";
import { constant, indices, scalar, type Tensor } from "../../graph/tensor.ts";
import { type Reduction, reduceLoss } from "./reduce.ts";

export interface CrossEntropyOptions {
  /** Label that counts for nothing, whether it is a class or not (255). Other labels must be classes. */
  ignore?: number | undefined;
  /** One weight a class. */
  classWeights?: readonly number[] | undefined;
  /** Part ε of the target that is spread over all classes (Szegedy et al. 2016, arXiv:1512.00567, §7). */
  smoothing?: number | undefined;
  /**
   * `all`: the mean over all elements, ignored ones included (mmseg). `weight`: over those that count, each as much as
   * its class weighs (PyTorch). Default: `weight`.
   */
  over?: Reduction["over"];
}

/**
 * Cross-entropy of logits [..., classes] with labels int64 [...], as PyTorch's `cross_entropy`; or with distributions
 * float32 [..., classes] (mixed labels), where `ignore` has no meaning and the mean is over all elements.
 *
 * @returns One number, shape [].
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { ignore, classWeights, smoothing = 0, over = "weight" } = options;
  const classes = logits.shape.at(-1) as number;
  const weights = classWeights === undefined ? undefined : constant(classWeights, [classes]);
  const weighted = (t: Tensor) => (weights === undefined ? t : mul(t, weights));
  const hard = target.dtype === "int64";
  const chosen = hard ? oneHot(target, classes) : target;
  const counts = hard && ignore !== undefined ? isOther(target, ignore) : undefined;
  const kept = ignore !== undefined && hard && ignore >= 0 && ignore < classes ? mul(chosen, counts!) : chosen;
  let wanted = weighted(kept);
  if (smoothing > 0) {
    const spread = weighted(constant(new Float32Array(classes).fill(smoothing / classes), [classes]));
    wanted = add(mul(wanted, scalar(1 - smoothing)), counts === undefined ? spread : mul(counts, spread));
  }
  const losses = mul(sum(mul(wanted, logSoftmax(logits)), { axes: [-1] }), scalar(-1));
  if (over !== "weight" || !hard) return reduceLoss(losses, { over: over === "weight" ? "all" : over });
  if (weights === undefined && counts === undefined) return reduceLoss(losses);
  const total = sum(weighted(kept), { axes: target.shape.map((_, axis) => axis).concat(target.shape.length) });
  return reduceLoss(losses, { over: total });
}

/** [..., 1]: 0 where the label is `ignore`, else 1. */
function isOther(labels: Tensor, ignore: number): Tensor {
  return sub(scalar(1), equal(reshape(labels, [...labels.shape, 1]), indices([ignore])));
}

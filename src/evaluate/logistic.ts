import { minimise } from "./minimise.ts";
import { addTransposedProduct, product } from "./products.ts";
import type { Vectors } from "./standardise.ts";

/** What items are: one class each (softmax), or any number of labels (one sigmoid a label). */
export interface Targets {
  classes: number;
  /** [items, classes]: 1 where the item has the class, else 0. */
  values: Float64Array;
  multiLabel: boolean;
}

/** A linear classifier: [dimensions, classes] weights, then [classes] offsets. */
export interface Linear {
  classes: number;
  parameters: Float64Array;
}

/**
 * Logistic regression with weight decay, offsets free: the minimum of ½‖W‖² + C Σᵢ lossᵢ, where the loss is the
 * cross-entropy of the softmax (multinomial) or, for labels, the sum of the binary ones.
 *
 * @param x  standardised vectors
 * @param options.start  where to begin, for instance the minimum for another C
 * @see scikit-learn, LogisticRegression(C, multi_class="multinomial")
 */
export function fitLogistic(
  x: Vectors & { data: Float64Array },
  targets: Targets,
  { C, start, tolerance = 1e-5 }: { C: number; start?: Linear | undefined; tolerance?: number },
): Linear & { converged: boolean; iterations: number } {
  const { classes, values, multiLabel } = targets;
  const { data, dimensions } = x;
  const items = data.length / dimensions;
  const sizes = { m: items, k: dimensions, n: classes };
  // Divided by C and the number of items, so that one tolerance suits all.
  const decay = 1 / (C * items);
  const scores = new Float64Array(items * classes);
  const weights = dimensions * classes;
  const parameters = start === undefined ? new Float64Array(weights + classes) : start.parameters.slice();
  const loss = multiLabel ? binaryLoss : softmaxLoss;
  const result = minimise(
    (p, gradient) => {
      product(data, p, scores, sizes);
      let value = loss(scores, p.subarray(weights), values, classes) / items; // scores are now their own gradient
      gradient.fill(0);
      addTransposedProduct(data, scores, gradient, sizes);
      for (let i = 0; i < scores.length; i++) gradient[weights + (i % classes)]! += scores[i]!;
      for (let j = 0; j < gradient.length; j++) gradient[j]! /= items;
      for (let j = 0; j < weights; j++) {
        value += 0.5 * decay * p[j]! ** 2;
        gradient[j]! += decay * p[j]!;
      }
      return value;
    },
    parameters,
    { tolerance },
  );
  return { classes, parameters, ...result };
}

/** Logits, [items, classes]. */
export function logits({ classes, parameters }: Linear, { data, dimensions }: Vectors & { data: Float64Array }) {
  const items = data.length / dimensions;
  const scores = new Float64Array(items * classes);
  product(data, parameters, scores, { m: items, k: dimensions, n: classes });
  for (let i = 0; i < scores.length; i++) scores[i]! += parameters[dimensions * classes + (i % classes)]!;
  return scores;
}

/** Σ −log softmax of the true class; `scores` becomes its gradient, softmax − target. */
function softmaxLoss(scores: Float64Array, offsets: Float64Array, targets: Float64Array, classes: number): number {
  let loss = 0;
  for (let row = 0; row < scores.length; row += classes) {
    let most = Number.NEGATIVE_INFINITY;
    let own = 0;
    for (let k = 0; k < classes; k++) {
      const score = scores[row + k]! + offsets[k]!;
      scores[row + k] = score;
      if (score > most) most = score;
      own += score * targets[row + k]!;
    }
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const weight = Math.exp(scores[row + k]! - most);
      scores[row + k] = weight;
      sum += weight;
    }
    loss += most + Math.log(sum) - own;
    for (let k = 0; k < classes; k++) scores[row + k] = scores[row + k]! / sum - targets[row + k]!;
  }
  return loss;
}

/** Σ binary cross-entropies of all labels; `scores` becomes its gradient, σ − target. */
function binaryLoss(scores: Float64Array, offsets: Float64Array, targets: Float64Array, classes: number): number {
  let loss = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]! + offsets[i % classes]!;
    const small = Math.exp(-Math.abs(score));
    loss += Math.max(score, 0) - score * targets[i]! + Math.log1p(small);
    scores[i] = (score >= 0 ? 1 : small) / (1 + small) - targets[i]!;
  }
  return loss;
}

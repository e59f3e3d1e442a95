import { cholesky } from "./cholesky.ts";
import { minimise } from "./minimise.ts";
import { addTransposedProduct, product } from "./products.ts";
import { spanOf } from "./span.ts";
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
 * Fits of one training set at several strengths of regularisation: logistic regression with weight decay, offsets
 * free, the minimum of ½‖W‖² + C Σᵢ lossᵢ, where the loss is the cross-entropy of the softmax (multinomial) or, for
 * labels, the sum of the binary ones.
 *
 * W is a sum of training vectors, so it is sought in their span; and a likeness of the Hessian, renewed after
 * some steps, preconditions the search: with two classes it is the Hessian itself.
 *
 * @param x  standardised vectors
 * @see scikit-learn, LogisticRegression(C, multi_class="multinomial")
 */
export function logisticFits(x: Standardised, targets: Targets): (options: FitOptions) => Fit {
  const { classes, values, multiLabel } = targets;
  const items = x.data.length / x.dimensions;
  const basis = items < x.dimensions ? spanOf(x) : undefined;
  const data = basis === undefined ? x.data : inBasis(x.data, basis, x.dimensions);
  const rank = data.length / items;
  const weights = rank * classes;
  const stretch = stretchOf(classes);
  const sizes = { m: items, k: rank, n: classes };
  const loss = multiLabel ? binaryLoss : softmaxLoss;
  const scores = new Float64Array(items * classes);
  // At equal probabilities; as long as the search ends soon, this likeness will do.
  let curvature = curvatureOf(
    data,
    values.map((v) => (multiLabel ? 1 / 2 : 1 / classes) - v),
    targets,
  );
  let last: Float64Array = new Float64Array(weights + classes);

  return ({ C, tolerance = 1e-5 }) => {
    // Divided by C and the number of items, so that one tolerance suits all.
    const decay = 1 / (C * items);
    const objective = (p: Float64Array, gradient: Float64Array) => {
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
    };
    const parameters = last.slice(); // the fit before is close
    let [iterations, converged] = [0, false];
    for (let stalled = false; !converged && !stalled && iterations < mostIterations; ) {
      const precondition = preconditioner(curvature, { decay, rank, classes });
      const found = minimise(objective, parameters, { tolerance, maxIterations: stretch, precondition });
      iterations += found.iterations;
      converged = found.converged;
      stalled = found.iterations < stretch;
      if (!converged && !stalled) {
        objective(parameters, new Float64Array(parameters.length));
        curvature = curvatureOf(data, scores, targets);
      }
    }
    last = parameters;
    return { classes, parameters: outOfBasis(parameters, basis, { rank, classes, ...x }), converged, iterations };
  };
}

/**
 * Steps with one likeness of the Hessian. To make one costs as much as some dozen steps, and loses what the search has
 * learnt, which is worth more where it is but the mean of the classes' Hessians.
 */
const stretchOf = (classes: number) => (classes === 2 ? 20 : 100);
const mostIterations = 2000;

export interface FitOptions {
  C: number;
  /** Largest component of the gradient of the mean loss. */
  tolerance?: number;
}

export type Fit = Linear & { converged: boolean; iterations: number };

type Standardised = Vectors & { data: Float64Array };

/** What the classes' Hessians have in common. */
interface Curvature {
  /** Of the weights, [rank, rank], without the decay. */
  weights: Float64Array;
  offset: number;
}

/**
 * The covariance of the items, each as heavy as its loss curves, a mean over the classes: p (1 − p) of a label; of the
 * softmax so that it is right for two classes, and for any number of equal probabilities.
 *
 * @param scores  [items, classes], gradients of the loss: probability − target
 */
function curvatureOf(data: Float64Array, scores: Float64Array, { classes, values, multiLabel }: Targets): Curvature {
  const items = scores.length / classes;
  const rank = data.length / items;
  const share = items * (multiLabel ? classes : classes - 1);
  const heaviness = new Float64Array(items);
  for (let i = 0; i < scores.length; i++) {
    const p = scores[i]! + values[i]!;
    heaviness[Math.floor(i / classes)]! += (p * (1 - p)) / share;
  }
  const heavy = data.slice();
  for (let i = 0; i < heavy.length; i++) heavy[i]! *= heaviness[Math.floor(i / rank)]!;
  const weights = new Float64Array(rank * rank);
  addTransposedProduct(data, heavy, weights, { m: items, k: rank, n: rank });
  return { weights, offset: heaviness.reduce((a, b) => a + b, 0) };
}

function preconditioner(
  { weights, offset }: Curvature,
  { decay, rank, classes }: { decay: number; rank: number; classes: number },
): (gradient: Float64Array) => void {
  const hessian = weights.slice();
  for (let j = 0; j < rank; j++) hessian[j * (rank + 1)]! += decay;
  const inverse = cholesky(hessian, rank);
  return (gradient) => {
    inverse.solve(gradient, classes);
    for (let k = rank * classes; k < gradient.length; k++) gradient[k]! /= offset;
  };
}

/** [items, dimensions] · basisᵀ → [items, rank]. */
function inBasis(data: Float64Array, basis: Float64Array, dimensions: number): Float64Array {
  const [items, rank] = [data.length / dimensions, basis.length / dimensions];
  const turned = new Float64Array(basis.length);
  for (let i = 0; i < basis.length; i++) turned[(i % dimensions) * rank + Math.floor(i / dimensions)] = basis[i]!;
  const out = new Float64Array(items * rank);
  product(data, turned, out, { m: items, k: dimensions, n: rank });
  return out;
}

/** Weights [rank, classes] in the basis as weights [dimensions, classes]; the offsets follow. */
function outOfBasis(
  parameters: Float64Array,
  basis: Float64Array | undefined,
  { rank, classes, dimensions }: { rank: number; classes: number; dimensions: number },
): Float64Array {
  if (basis === undefined) return parameters;
  const out = new Float64Array((dimensions + 1) * classes);
  addTransposedProduct(basis, parameters, out, { m: rank, k: dimensions, n: classes });
  out.set(parameters.subarray(rank * classes), dimensions * classes);
  return out;
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

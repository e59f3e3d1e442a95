import { gradients } from "../graph/gradients.ts";
import { type OnnxGraph, toOnnx } from "../graph/onnx.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { constant, input, type Tensor } from "../graph/tensor.ts";
import { topologicalOrder } from "../graph/walk.ts";

/** A loss and what is logged beside it. */
export interface LossGraph {
  /** One number: the mean over the samples of the batch. */
  loss: Tensor;
  /** Further single numbers to be logged: terms of the loss, accuracies. */
  metrics?: Readonly<Record<string, Tensor>>;
}

interface WithBuffers {
  /** New values of parameters that the graph reads and no gradient changes: running statistics. */
  buffers?: Readonly<Record<string, Tensor>>;
}

/** What most jobs build: a loss that is a mean over independent samples. */
export interface SeparateGraph extends LossGraph, WithBuffers {
  /**
   * What the batch counts for when batches are averaged, one number; default: its samples. The number of valid pixels,
   * where the loss is a mean over these.
   */
  weight?: Tensor;
}

/** What a job builds whose loss compares samples with each other (InfoNCE, Sinkhorn). */
export interface CoupledGraph extends WithBuffers {
  /** What is compared: [samples, …] each. */
  features: Readonly<Record<string, Tensor>>;
  /**
   * The loss over the features of all samples of the step. Where these come from several batches or processes, the
   * features are computed first, then the loss, then the encoders once more with their gradients: the same numbers as
   * in one batch, for half as much work again.
   */
  couple(features: Readonly<Record<string, Tensor>>): LossGraph;
}

/** A job's graph over the batch's feeds and the model's parameters. */
export type TrainGraph = SeparateGraph | CoupledGraph;

/** Loss and gradients. Outputs: `loss`, `weight` if given, `metric.*`, `after.<buffer>`, `grad.<parameter>`. */
export interface DifferentiatedGraph {
  graph: OnnxGraph;
  /** Parameters that the loss depends on; the others have no gradient and are left alone. */
  touched: readonly string[];
}

type Trainable = (name: string) => boolean;

/** A graph of loss and gradients of the trainable parameters. */
export function differentiate(
  { loss, metrics, weight, buffers }: SeparateGraph,
  { trainable }: { trainable: Trainable },
): DifferentiatedGraph & { outputs: Readonly<Record<string, Tensor>> } {
  const { touched, outputs } = gradientOutputs([{ of: loss, value: one(loss) }], trainable);
  const named = { ...lossOutputs({ loss, ...(metrics && { metrics }) }), ...bufferOutputs(buffers), ...outputs };
  const all: Record<string, Tensor> = weight === undefined ? named : { ...named, weight: reshape(weight, [1]) };
  return { graph: toOnnx(all), touched, outputs: all };
}

/** The features alone. Outputs: `feature.*`, `after.<buffer>`. */
export function featureGraph({ features, buffers }: CoupledGraph): OnnxGraph {
  const outputs = Object.fromEntries(Object.entries(features).map(([name, t]) => [`feature.${name}`, t]));
  return toOnnx({ ...outputs, ...bufferOutputs(buffers) });
}

/** The loss of given features. Inputs: `feature.*`; outputs: `loss`, `metric.*` and `cotangent.*`, its gradients. */
export function couplingGraph({ couple }: CoupledGraph, shapes: Readonly<Record<string, readonly number[]>>) {
  const inputs = Object.entries(shapes).map(([name, shape]) => [name, input(`feature.${name}`, shape)] as const);
  const built = couple(Object.fromEntries(inputs));
  const found = gradients(
    [{ of: built.loss, value: one(built.loss) }],
    inputs.map(([, t]) => t),
  );
  const cotangents = inputs.map(([name], i) => [`cotangent.${name}`, found[i]!] as const);
  return toOnnx({ ...lossOutputs(built), ...Object.fromEntries(cotangents) });
}

/** The gradients of the parameters from those of the features. Inputs: feeds and `cotangent.*`. */
export function backwardGraph({ features }: CoupledGraph, trainable: Trainable): DifferentiatedGraph {
  const cotangents = Object.entries(features).map(([name, of]) => ({
    of,
    value: input(`cotangent.${name}`, of.shape),
  }));
  const { touched, outputs } = gradientOutputs(cotangents, trainable);
  return { graph: toOnnx(outputs), touched };
}

function gradientOutputs(cotangents: readonly { of: Tensor; value: Tensor }[], trainable: Trainable) {
  const leaves = parametersOf(cotangents.map(({ of }) => of)).filter(({ name }) => trainable(name));
  const found = gradients(
    cotangents,
    leaves.map(({ tensor }) => tensor),
  );
  const reached = leaves.flatMap(({ name }, i) => (isZero(found[i]!) ? [] : [[name, found[i]!] as const]));
  const outputs: Record<string, Tensor> = {};
  for (const [name, gradient] of reached) outputs[`grad.${name}`] = gradient;
  return { touched: reached.map(([name]) => name), outputs };
}

const one = ({ shape }: Tensor) => constant([1], shape as readonly number[]);

function lossOutputs({ loss, metrics = {} }: LossGraph): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = { loss: reshape(loss, [1]) };
  for (const [name, value] of Object.entries(metrics)) outputs[`metric.${name}`] = reshape(value, [1]);
  return outputs;
}

function bufferOutputs(buffers: WithBuffers["buffers"] = {}): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(buffers).map(([name, value]) => [`after.${name}`, value]));
}

function parametersOf(outputs: readonly Tensor[]): { name: string; tensor: Tensor }[] {
  return topologicalOrder(outputs).flatMap((node) =>
    node.kind === "parameter" ? [{ name: node.name, tensor: { ...node.value, node, output: 0 } }] : [],
  );
}

/** Is it the zero that `gradients` gives where a tensor has no influence, or only behind a stopped gradient? */
function isZero({ node }: Tensor): boolean {
  if (node.kind === "constant") return node.data.every((value) => Number(value) === 0);
  if (node.kind !== "op") return false;
  const [type] = node.rule.onnx;
  return (type === "Expand" || type === "Reshape") && isZero(node.inputs[0]!);
}

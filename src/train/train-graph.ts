import { gradients } from "../graph/gradients.ts";
import { type OnnxGraph, toOnnx } from "../graph/onnx.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { topologicalOrder } from "../graph/walk.ts";

/** What a job builds: its loss as a graph over the batch's feeds and the model's parameters. */
export interface TrainGraph {
  /** One number: the mean over the samples of the batch. */
  loss: Tensor;
  /** Further single numbers to be logged: terms of the loss, accuracies. */
  metrics?: Readonly<Record<string, Tensor>>;
  /**
   * What the batch counts for when batches are averaged, one number; default: its samples. The number of valid pixels,
   * where the loss is a mean over these.
   */
  weight?: Tensor;
  /** New values of parameters that the graph reads and no gradient changes: running statistics. */
  buffers?: Readonly<Record<string, Tensor>>;
}

/** A graph of loss and gradients. Outputs: `loss`, `weight`?, `metric.*`, `after.<buffer>`, `grad.<parameter>`. */
export interface DifferentiatedGraph {
  graph: OnnxGraph;
  /** Parameters that the loss depends on; the others have no gradient and are left alone. */
  touched: readonly string[];
}

/** Add the gradients of the trainable parameters. */
export function differentiate(
  { loss, metrics = {}, weight, buffers = {} }: TrainGraph,
  { trainable }: { trainable: (name: string) => boolean },
): DifferentiatedGraph {
  const leaves = parametersOf([loss]).filter(({ name }) => trainable(name));
  const found = gradients(
    [{ of: loss, value: constant([1], loss.shape as readonly number[]) }],
    leaves.map(({ tensor }) => tensor),
  );
  const outputs: Record<string, Tensor> = { loss: reshape(loss, [1]) };
  if (weight !== undefined) outputs.weight = reshape(weight, [1]);
  for (const [name, value] of Object.entries(metrics)) outputs[`metric.${name}`] = reshape(value, [1]);
  for (const [name, value] of Object.entries(buffers)) outputs[`after.${name}`] = value;
  const touched: string[] = [];
  for (const [i, { name }] of leaves.entries()) {
    if (isZero(found[i]!)) continue;
    touched.push(name);
    outputs[`grad.${name}`] = found[i]!;
  }
  return { graph: toOnnx(outputs), touched };
}

/** The parameters that tensors depend on. */
export function parametersOf(outputs: readonly Tensor[]): { name: string; tensor: Tensor }[] {
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

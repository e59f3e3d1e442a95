import { moduleGraph } from "../checkpoint/module-graph.ts";
import type { InputShapes, Mode, ModuleGraph } from "../checkpoint/module-inputs.ts";
import { SkySenseError } from "../core/error.ts";
import { gradients } from "../graph/gradients.ts";
import { add } from "../graph/ops/add.ts";
import { mul } from "../graph/ops/mul.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { constant, input, scalar, type Tensor } from "../graph/tensor.ts";
import { topologicalOrder } from "../graph/walk.ts";
import { listParameters } from "../model/parameters.ts";
import { meanSquaredError } from "./losses/regression.ts";
import { segmentationLoss } from "./losses/segmentation.ts";

/** Weights of the heads' losses (specification §5.2). */
const headWeights = { logits: 1, aux_logits: 0.4 } as const;

/**
 * The loss of one official module and all its gradients as a graph.
 *
 * The loss is the mean squared error, summed over the targets; with `target.label` (int64 [batch, H, W]) it is the
 * cross-entropy of the class maps. Outputs are `loss` [1], `output.<name>` for what the loss is of, `grad.<parameter>`,
 * `grad_input.<name>`, and `after.<buffer>` in train mode; a parameter without influence has zeros.
 *
 * @param config  `class_`, `constructor` and `mode`; drop path and dropout are off in any case.
 * @param inputs  `input.<name>` and `target.<output>` as they stand in the file.
 * @returns Also under which name the file holds each input of the graph.
 * @throws SkySenseError `BAD_CONFIG` | `BAD_INPUTS`
 */
export function gradientGraph(
  config: { class_: string; constructor: unknown; mode?: Mode | undefined },
  inputs: InputShapes,
): ModuleGraph & { fileNames: ReadonlyMap<string, string> } {
  const given = [...inputs].filter(([name]) => name.startsWith("input."));
  const targets = [...inputs].filter(([name]) => name.startsWith("target."));
  const fileNames = new Map(given.map(([name]) => [graphName(config.class_, name), name]));
  if (fileNames.size !== given.length || given.length === 0 || targets.length === 0) {
    throw new SkySenseError({
      code: "BAD_INPUTS",
      what: `there are ${given.length} tensors "input.*" and ${targets.length} tensors "target.*"`,
      remedy: `Give the inputs of ${config.class_}, and a target for each output that the loss is of.`,
    });
  }
  const { parameters, outputs } = moduleGraph(
    config,
    new Map(given.map(([name, spec]) => [graphName(config.class_, name), spec])),
  );
  const results: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(outputs)) if (name.startsWith("after.")) results[name] = value;
  const terms = targets.flatMap(([name, spec]) =>
    name === "target.label" && spec.dtype === "int64"
      ? labelTerms(input(name, spec.shape, "int64"), outputs, results)
      : [errorTerm(name, input(name, spec.shape), outputs, results)],
  );
  const loss = terms.reduce(add);
  results.loss = reshape(loss, [1]);

  const specs = new Map(listParameters(parameters));
  const leaves = topologicalOrder([loss]).flatMap((node) => {
    if (node.kind === "parameter" && specs.get(node.name)?.buffer !== true) {
      return [{ name: `grad.${node.name}`, of: leaf(node) }];
    }
    const fileName = node.kind === "input" ? fileNames.get(node.name) : undefined;
    return node.kind === "input" && fileName !== undefined ? [{ name: `grad_${fileName}`, of: leaf(node) }] : [];
  });
  const found = gradients(
    [{ of: loss, value: constant([1], []) }],
    leaves.map(({ of }) => of),
  );
  for (const [i, { name }] of leaves.entries()) results[name] = found[i]!;
  for (const [name, { shape, buffer }] of specs) {
    if (buffer) continue;
    results[`grad.${name}`] ??= constant(new Float32Array(shape.reduce((n, extent) => n * extent, 1)), shape);
  }
  return { parameters, outputs: results, fileNames };
}

/** What the class calls an input that the file calls `input.<name>`. */
function graphName(class_: string, fileName: string): string {
  if (class_ === "UPerHead" || class_ === "FCNHead" || class_ === "FPN") return fileName;
  return class_ === "EncoderDecoder" ? fileName.slice("input.".length) : "input";
}

function labelTerms(labels: Tensor, outputs: Readonly<Record<string, Tensor>>, results: Record<string, Tensor>) {
  const terms = Object.entries(headWeights).flatMap(([name, weight]) => {
    const logits = outputs[name];
    if (logits === undefined) return [];
    results[`output.${name}`] = logits;
    const term = segmentationLoss(logits, labels);
    return [weight === 1 ? term : mul(term, scalar(weight))];
  });
  if (terms.length === 0 || labels.shape.length !== 3) {
    throw noSuchOutput("target.label", labels.shape as number[], outputs);
  }
  return terms;
}

function errorTerm(
  name: string,
  target: Tensor,
  outputs: Readonly<Record<string, Tensor>>,
  results: Record<string, Tensor>,
): Tensor {
  const key = name.slice("target.".length);
  const y = outputs[key];
  if (y === undefined || y.shape.join() !== target.shape.join()) {
    throw noSuchOutput(name, target.shape as number[], outputs);
  }
  results[`output.${key}`] = y;
  return meanSquaredError(y, target);
}

function noSuchOutput(
  name: string,
  shape: readonly number[],
  outputs: Readonly<Record<string, Tensor>>,
): SkySenseError {
  return new SkySenseError({
    code: "BAD_INPUTS",
    what: `"${name}" [${shape}] belongs to no output of this shape`,
    remedy: `The outputs are ${Object.keys(outputs).join(", ")}.`,
  });
}

/** The tensor of an input or a parameter. */
function leaf(node: Extract<Tensor["node"], { kind: "input" | "parameter" }>): Tensor {
  return { ...node.value, node, output: 0 };
}

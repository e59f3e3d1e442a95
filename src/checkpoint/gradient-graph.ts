import { SkySenseError } from "../core/error.ts";
import { gradients } from "../graph/gradients.ts";
import { add } from "../graph/ops/add.ts";
import { mul } from "../graph/ops/mul.ts";
import { mean } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { sub } from "../graph/ops/sub.ts";
import { constant, input, type Tensor } from "../graph/tensor.ts";
import { topologicalOrder } from "../graph/walk.ts";
import { listParameters } from "../model/parameters.ts";
import { type InputShapes, type ModuleGraph, moduleGraph } from "./module-graph.ts";

/**
 * The loss of one official module and all its gradients as a graph.
 *
 * The loss is the mean squared error, summed over the targets. Outputs are `loss` [1], `output.<name>` for each target,
 * `grad.<parameter>` and `grad_input.<name>`; a parameter without influence has zeros.
 *
 * @param inputs  `input.<name>` (one) and `target.<output>` as they stand in the file.
 * @returns Also under which name the file holds each input of the graph.
 * @throws SkySenseError `BAD_CONFIG` | `BAD_INPUTS`
 */
export function gradientGraph(
  config: { class_: string; constructor: unknown },
  inputs: InputShapes,
): ModuleGraph & { fileNames: ReadonlyMap<string, string> } {
  const given = [...inputs].filter(([name]) => name.startsWith("input."));
  const targets = [...inputs].filter(([name]) => name.startsWith("target."));
  if (given.length !== 1 || targets.length === 0) {
    throw new SkySenseError({
      code: "BAD_INPUTS",
      what: `there are ${given.length} tensors "input.*" and ${targets.length} tensors "target.*"`,
      remedy: "Give one input, and a target for each output that the loss is of.",
    });
  }
  const [[fileName, spec]] = given as [(typeof given)[number]];
  const { parameters, outputs } = moduleGraph(config, new Map([["input", spec]]));
  const results: Record<string, Tensor> = {};
  let loss: Tensor | undefined;
  for (const [name, { shape }] of targets) {
    const key = name.slice("target.".length);
    const y = outputs[key];
    if (y === undefined || y.shape.join() !== shape.join()) {
      throw new SkySenseError({
        code: "BAD_INPUTS",
        what: `"${name}" [${shape}] belongs to no output of this shape`,
        remedy: `The outputs are ${Object.keys(outputs).join(", ")}.`,
      });
    }
    results[`output.${key}`] = y;
    const error = sub(y, input(name, shape));
    const term = mean(mul(error, error), { axes: shape.map((_, axis) => axis) });
    loss = loss === undefined ? term : add(loss, term);
  }
  results.loss = reshape(loss!, [1]);
  const leaves = topologicalOrder([loss!]).flatMap((node) => {
    if (node.kind !== "parameter" && !(node.kind === "input" && node.name === "input")) return [];
    return [{ name: node.kind === "parameter" ? `grad.${node.name}` : `grad_${fileName}`, of: leaf(node) }];
  });
  const found = gradients(
    [{ of: loss!, value: constant([1], []) }],
    leaves.map(({ of }) => of),
  );
  for (const [i, { name }] of leaves.entries()) results[name] = found[i]!;
  for (const [name, { shape }] of listParameters(parameters)) {
    results[`grad.${name}`] ??= constant(new Float32Array(shape.reduce((n, extent) => n * extent, 1)), shape);
  }
  return { parameters, outputs: results, fileNames: new Map([["input", fileName]]) };
}

/** The tensor of an input or a parameter. */
function leaf(node: Extract<Tensor["node"], { kind: "input" | "parameter" }>): Tensor {
  return { ...node.value, node, output: 0 };
}

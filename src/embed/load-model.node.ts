import { existsSync } from "node:fs";
import { readConfig } from "../checkpoint/model-file.ts";
import { SkySenseError } from "../core/error.ts";
import { initialise } from "../model/initialise.ts";
import { countParameters, listParameters, type ParameterTree } from "../model/parameters.ts";
import { type PresetName, presets } from "../model/presets.ts";
import { initSkySense } from "../model/skysense.ts";
import { createRuntime, type RuntimeOptions } from "../runtime/runtime.node.ts";
import type { CompileOptions } from "../runtime/session.ts";
import { openWeights } from "../runtime/weights.node.ts";
import { weightsFromTensors } from "../runtime/weights.ts";
import { createModel, type SkySense } from "./model.ts";

export interface LoadOptions extends Pick<CompileOptions, "device" | "constantWeights">, RuntimeOptions {
  /** For random weights; default 0. */
  seed?: number;
}

/** Random weights beyond this number take minutes to draw and mean nothing. */
const maxRandomParameters = 100e6;

/**
 * Load a model.
 *
 * @param model  A preset ("nano", "tiny"), or the path of a `.safetensors` file that this software wrote.
 * @throws SkySenseError `UNKNOWN_MODEL` | `NO_WEIGHTS` and those of opening a file
 */
export function loadModel(
  model = "nano",
  { seed = 0, device, constantWeights, ...options }: LoadOptions = {},
): SkySense {
  const runtime = createRuntime(options);
  const compile = { runtime, ...(device && { device }), ...(constantWeights && { constantWeights }) };
  if (model in presets) {
    const config = presets[model as PresetName];
    const tree = initSkySense(config) as ParameterTree;
    if (countParameters(tree) > maxRandomParameters) {
      throw new SkySenseError({
        code: "NO_WEIGHTS",
        what: `the weights of "${model}" are not part of this package`,
        remedy: "Give the path of a .safetensors file with them.",
      });
    }
    const shapes = new Map(listParameters(tree));
    const tensors = new Map(
      [...initialise(tree, { seed })].map(([name, data]) => [
        name,
        { dtype: "F32" as const, shape: shapes.get(name)!.shape, data },
      ]),
    );
    const weights = weightsFromTensors(tensors, { name: `${model}, random, seed ${seed}` });
    return createModel({ name: model, config, trained: false, weights }, compile);
  }
  if (!model.endsWith(".safetensors") && !existsSync(model)) {
    throw new SkySenseError({
      code: "UNKNOWN_MODEL",
      what: `there is no model "${model}"`,
      remedy: `Choose from ${Object.keys(presets).join(", ")}, or give the path of a .safetensors file.`,
    });
  }
  const weights = openWeights(model);
  const { name, config, trained } = readConfig(weights.metadata, { file: model });
  return createModel({ name, config, trained, weights }, compile);
}

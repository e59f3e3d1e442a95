import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ModelFileInfo, readConfig, writeConfig } from "../checkpoint/model-file.ts";
import { SkySenseError } from "../core/error.ts";
import { safetensorsParts } from "../core/safetensors.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import { initialise } from "../model/initialise.ts";
import { countParameters, listParameters, type ParameterTree } from "../model/parameters.ts";
import { type PresetName, presets } from "../model/presets.ts";
import { initSkySense, type SkySenseConfig } from "../model/skysense.ts";
import { createRuntime, type RuntimeOptions } from "../runtime/runtime.node.ts";
import type { CompileOptions } from "../runtime/session.ts";
import { openWeights } from "../runtime/weights.node.ts";
import { type Weights, weightsFromTensors } from "../runtime/weights.ts";
import { createModel, type SkySense } from "./model.ts";

export interface LoadOptions extends Pick<CompileOptions, "device" | "constantWeights">, RuntimeOptions {
  /** For random weights; default 0. */
  seed?: number;
}

/** Random weights beyond this number take minutes to draw and mean nothing. */
const maxRandomParameters = 100e6;

/** Models that have a name: a preset, and the file in this package with its weights; without, they are drawn or brought. */
const named: Readonly<Record<string, { preset: PresetName; file?: string }>> = {
  huge: { preset: "huge" },
  nano: { preset: "nano", file: fileURLToPath(new URL("../../weights/nano.safetensors", import.meta.url)) },
  "nano-random": { preset: "nano" },
  tiny: { preset: "tiny" },
};

/** What {@link loadModel} takes beside files. */
export const modelNames: readonly string[] = Object.keys(named);

/**
 * Load a model.
 *
 * @param model  "nano", whose pre-trained weights are part of this package; "nano-random" or "tiny", drawn from the seed;
 *   or the path of a `.safetensors` file that this software wrote.
 * @throws SkySenseError `UNKNOWN_MODEL` | `NO_WEIGHTS` | `NO_CONFIG` and those of opening a file
 */
export function loadModel(
  model = "nano",
  { seed = 0, device, constantWeights, ...options }: LoadOptions = {},
): SkySense {
  const { info, weights } = openModel(model, { seed });
  const runtime = createRuntime(options);
  return createModel(
    { ...info, weights },
    { runtime, ...(device && { device }), ...(constantWeights !== undefined && { constantWeights }) },
  );
}

/** The preset of a name without trained weights; undefined: the weights are in a file. */
function presetOf(model: string): PresetName | undefined {
  const found = Object.hasOwn(named, model) ? named[model] : undefined;
  return found?.file === undefined ? found?.preset : undefined;
}

/** Where a named model's weights come from. */
export function weightsOf(name: string): "pre-trained" | "random" | "bring the weights" {
  const preset = presetOf(name);
  if (preset === undefined) return "pre-trained";
  return isLarge(presets[preset]) ? "bring the weights" : "random";
}

function isLarge(config: SkySenseConfig): boolean {
  return countParameters(initSkySense(config) as ParameterTree) > maxRandomParameters;
}

/** The file of a model's weights; undefined: they are drawn. */
export function weightsFile(model: string): string | undefined {
  if (presetOf(model) !== undefined) return undefined;
  return (Object.hasOwn(named, model) ? named[model]?.file : undefined) ?? model;
}

/** The configuration of a preset or of a model file, without its weights. @throws as {@link loadModel} */
export function modelConfig(model = "nano"): SkySenseConfig {
  const preset = presetOf(model);
  if (preset !== undefined) return presets[preset];
  const { info, weights } = openModel(model, { seed: 0 });
  weights.close();
  return info.config;
}

/** Write the weights of a preset, random, as a file that {@link loadModel} reads. */
export async function writeRandomModel(preset: PresetName, path: string, { seed = 0 } = {}): Promise<void> {
  const metadata = writeConfig({ name: preset, config: presets[preset], trained: false });
  await writeAtomic(path, safetensorsParts(randomTensors(presets[preset], seed), metadata));
}

/** A model's configuration and weights, without a runtime. @throws as {@link loadModel} */
export function openModel(model: string, { seed }: { seed: number }): { info: ModelFileInfo; weights: Weights } {
  const preset = presetOf(model);
  if (preset !== undefined) {
    const config = presets[preset];
    if (isLarge(config)) {
      throw new SkySenseError({
        code: "NO_WEIGHTS",
        what: `the weights of "${model}" are not part of this package`,
        remedy: "Give the path of a .safetensors file with them.",
      });
    }
    const weights = weightsFromTensors(randomTensors(config, seed), { name: `${model}, random, seed ${seed}` });
    return { info: { name: preset, config, trained: false }, weights };
  }
  const file = weightsFile(model)!;
  if (!file.endsWith(".safetensors") && !existsSync(file)) {
    throw new SkySenseError({
      code: "UNKNOWN_MODEL",
      what: `there is no model "${model}"`,
      remedy: `Choose from ${modelNames.join(", ")}, or give the path of a .safetensors file.`,
    });
  }
  const weights = openWeights(file);
  return { info: readConfig(weights.metadata, { file }), weights };
}

function randomTensors(config: SkySenseConfig, seed: number) {
  const tree = initSkySense(config) as ParameterTree;
  const shapes = new Map(listParameters(tree));
  return new Map(
    [...initialise(tree, { seed })].map(([name, data]) => [
      name,
      { dtype: "F32" as const, shape: shapes.get(name)!.shape, data },
    ]),
  );
}

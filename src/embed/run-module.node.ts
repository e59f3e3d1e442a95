import {
  type Compute,
  type InputShapes,
  type ModuleDescription,
  type ModuleProgram,
  shapesOf,
} from "../checkpoint/module-inputs.ts";
import { moduleProgram } from "../checkpoint/module-program.ts";
import { SkySenseError } from "../core/error.ts";
import { readWholeFile } from "../core/read-file.node.ts";
import { parseSafetensors, type StoredTensor, safetensorsParts, toFloat32 } from "../core/safetensors.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import { toOnnx } from "../graph/onnx.ts";
import type { Tensor } from "../graph/tensor.ts";
import { createRuntime } from "../runtime/runtime.node.ts";
import type { CompileOptions, HostTensor } from "../runtime/session.ts";
import { openWeights } from "../runtime/weights.node.ts";
import type { Weights } from "../runtime/weights.ts";

export interface RunModuleOptions extends Pick<CompileOptions, "device"> {
  /** JSON with `class_`, `constructor` (the official keyword arguments), `mode`, `subsets`, `img_shape`. */
  config: string;
  /**
   * `.safetensors` with the official parameter names; buffers and other tensors in it are ignored. Only for a module
   * that has weights.
   */
  weights?: string;
  /** `.safetensors` with the inputs under the names that the class uses. */
  inputs: string;
  /** `.safetensors` to write: every output and intermediate that the class names. */
  out: string;
  signal?: AbortSignal;
}

/** Makes the graph of a module for the tensors of the inputs' file. */
export type BuildModule = (
  request: ModuleDescription,
  shapes: InputShapes,
) => {
  outputs: Readonly<Record<string, Tensor>>;
  /** Name in the file of each input of the graph, where it differs. */
  fileNames?: ReadonlyMap<string, string>;
};

/**
 * Run one official module on tensors from a file: for those who convert or check a model.
 *
 * @returns Names and shapes of what was written.
 * @throws SkySenseError `BAD_CONFIG` | `BAD_INPUTS` | `FILE_UNREADABLE` | `CORRUPT_SAFETENSORS` | `MISSING_WEIGHT` |
 *   `WRONG_WEIGHT`
 */
export async function runModule(options: RunModuleOptions) {
  return runProgram(options, moduleProgram);
}

/** {@link runModule} for another graph of the module: of its gradients. */
export async function runGraphOfModule(options: RunModuleOptions, build: BuildModule) {
  return runProgram(options, (request) => (inputs, compute) => {
    const { outputs, fileNames = new Map() } = build(request, shapesOf(inputs));
    const named = [...fileNames].flatMap(([name, fileName]) => {
      const tensor = inputs.get(fileName);
      return tensor === undefined ? [] : [[name, tensor] as const];
    });
    return compute(outputs, new Map([...inputs, ...named]));
  });
}

async function runProgram(
  { config, weights, inputs, out, device = "cpu", signal }: RunModuleOptions,
  programOf: (request: ModuleDescription) => ModuleProgram,
) {
  const program = programOf(parseConfig(await readWholeFile(config), config));
  const { tensors } = parseSafetensors(await readWholeFile(inputs), { file: inputs });
  const runtime = createRuntime();
  let table: Weights | undefined;
  const compute: Compute = async (outputs, feeds) => {
    const graph = toOnnx(outputs);
    if (graph.parameters.length > 0) table ??= openWeights(requireWeights(weights, config));
    const session = await runtime.compile(graph, { device, ...(table !== undefined && { weights: table }) });
    const fed = Object.fromEntries(graph.inputs.map(({ name }) => [name, toHost(feeds.get(name)!)]));
    const results = await session.run(fed, signal === undefined ? {} : { signal });
    return new Map(Object.entries(results).map(([name, value]) => [name, toStored(value)]));
  };
  try {
    const results = await program(tensors, compute);
    await writeAtomic(out, safetensorsParts(results));
    return [...results].map(([name, { shape }]) => ({ name, shape }));
  } finally {
    await runtime.release();
    table?.close();
  }
}

function requireWeights(weights: string | undefined, config: string): string {
  if (weights !== undefined) return weights;
  throw new SkySenseError({
    code: "MISSING_WEIGHT",
    what: "this module has weights, and no file of them was given",
    where: config,
    remedy: "Give { weights } (--weights): a .safetensors file under the official names.",
  });
}

function toStored({ data, shape }: HostTensor): StoredTensor {
  return data instanceof BigInt64Array
    ? { dtype: "I64", shape, data: data as BigInt64Array<ArrayBuffer> }
    : { dtype: "F32", shape, data: data as Float32Array<ArrayBuffer> };
}

function toHost(tensor: StoredTensor): HostTensor {
  const data = tensor.data instanceof BigInt64Array ? tensor.data : toFloat32(tensor);
  return { data, shape: tensor.shape };
}

function parseConfig(bytes: Buffer, file: string): ModuleDescription {
  try {
    const config = JSON.parse(bytes.toString("utf8"));
    if (typeof config?.class_ !== "string") throw new Error('"class_" is missing');
    const { mode = "eval" } = config;
    if (mode !== "eval" && mode !== "train") throw new Error('"mode" is neither "eval" nor "train"');
    return {
      mode,
      class_: config.class_,
      constructor: Object.hasOwn(config, "constructor") ? config.constructor : {},
      subsets: config.subsets,
      img_shape: config.img_shape,
    };
  } catch (cause) {
    throw new SkySenseError({
      code: "BAD_CONFIG",
      what: `the configuration cannot be read: ${(cause as Error).message}`,
      where: file,
      remedy: 'Give JSON with "class_" and "constructor".',
      cause,
    });
  }
}

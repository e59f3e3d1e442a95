import { moduleGraph } from "../checkpoint/module-graph.ts";
import type { InputShapes, Mode } from "../checkpoint/module-inputs.ts";
import { SkySenseError } from "../core/error.ts";
import { readWholeFile } from "../core/read-file.node.ts";
import { parseSafetensors, type StoredTensor, safetensorsParts, toFloat32 } from "../core/safetensors.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import { toOnnx } from "../graph/onnx.ts";
import type { Tensor } from "../graph/tensor.ts";
import { createRuntime } from "../runtime/runtime.node.ts";
import type { CompileOptions, HostTensor } from "../runtime/session.ts";
import { openWeights } from "../runtime/weights.node.ts";

export interface RunModuleOptions extends Pick<CompileOptions, "device"> {
  /** JSON with `class_`, `constructor` (the official keyword arguments), `mode` and, for SkySense, `subsets`. */
  config: string;
  /** `.safetensors` with the official parameter names; buffers and other tensors in it are ignored. */
  weights: string;
  /** `.safetensors` with the inputs under the names that the class uses. */
  inputs: string;
  /** `.safetensors` to write: every output and intermediate that the class names. */
  out: string;
  signal?: AbortSignal;
}

interface ModuleRequest {
  class_: string;
  constructor: unknown;
  subsets?: readonly string[] | undefined;
  mode?: Mode | undefined;
}

/** Makes the graph of a module for the tensors of the inputs' file. */
export type BuildModule = (
  request: ModuleRequest,
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
  return runGraphOfModule(options, moduleGraph);
}

/** {@link runModule} for any graph of the module: of its outputs, or of its gradients. */
export async function runGraphOfModule(
  { config, weights, inputs, out, device = "cpu", signal }: RunModuleOptions,
  build: BuildModule,
) {
  const request = parseConfig(await readWholeFile(config), config);
  const { tensors } = parseSafetensors(await readWholeFile(inputs), { file: inputs });
  const shapes: InputShapes = new Map(
    [...tensors].map(([name, { dtype, shape }]) => [name, { shape, dtype: dtype === "I64" ? "int64" : "float32" }]),
  );
  const { outputs, fileNames } = build(request, shapes);
  const graph = toOnnx(outputs);
  const runtime = createRuntime();
  const table = openWeights(weights);
  try {
    const session = await runtime.compile(graph, { device, weights: table });
    const feeds = Object.fromEntries(
      graph.inputs.map(({ name }) => [name, toHost(tensors.get(fileNames?.get(name) ?? name)!)]),
    );
    const results = await session.run(feeds, signal === undefined ? {} : { signal });
    const stored = Object.entries(results).map(([name, { data, shape }]): [string, StoredTensor] => [
      name,
      data instanceof BigInt64Array
        ? { dtype: "I64", shape, data: data as BigInt64Array<ArrayBuffer> }
        : { dtype: "F32", shape, data: data as Float32Array<ArrayBuffer> },
    ]);
    await writeAtomic(out, safetensorsParts(stored));
    return stored.map(([name, { shape }]) => ({ name, shape }));
  } finally {
    await runtime.release();
    table.close();
  }
}

function toHost(tensor: StoredTensor): HostTensor {
  const data = tensor.data instanceof BigInt64Array ? tensor.data : toFloat32(tensor);
  return { data, shape: tensor.shape };
}

function parseConfig(bytes: Buffer, file: string): ModuleRequest {
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

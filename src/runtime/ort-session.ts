import type * as Ort from "onnxruntime-node";
import type { ValueSpec } from "../graph/onnx.ts";
import { weightsAsConstants } from "./constant-weights.ts";
import { fromOrt } from "./ort-error.ts";
import { allocate, type Device, type HostTensor } from "./session.ts";
import type { Weights } from "./weights.ts";

/** onnxruntime-node or onnxruntime-web. */
export interface OrtModule {
  ort: Pick<typeof Ort, "InferenceSession" | "Tensor">;
  /** What computes on the CPU: native code, or WebAssembly. */
  cpu: "cpu" | "wasm";
}

/** A session of ONNX Runtime in this thread. */
export interface OrtSession {
  /** Blocks the thread while it computes. `shapes`: of the outputs, where they are known beforehand. */
  run(
    feeds: Record<string, HostTensor>,
    shapes: readonly (number[] | undefined)[],
  ): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

export interface OrtSessionOptions {
  bytes: Uint8Array;
  parameters: readonly ValueSpec[];
  outputs: readonly ValueSpec[];
  device: Device;
  /** Native code only; WebAssembly has its own setting for the whole page. */
  threads: number;
  weights?: Weights;
  constantWeights: boolean;
}

/** @throws SkySenseError `DEVICE_UNAVAILABLE` | `OUT_OF_MEMORY` */
export async function createOrtSession(
  { ort, cpu }: OrtModule,
  { bytes, device, threads, weights, constantWeights, parameters, outputs }: OrtSessionOptions,
): Promise<OrtSession> {
  const provider = device === "cpu" ? cpu : device;
  try {
    const constant = constantWeights && weights !== undefined;
    const model = constant ? weightsAsConstants(bytes, weights) : { bytes, externalData: [] };
    const session = await ort.InferenceSession.create(model.bytes, {
      executionProviders: [provider],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      logSeverityLevel: 4,
      externalData: model.externalData,
      // Threads that spin while they wait take the cores from other sessions, from decoding and from JavaScript: with
      // other work on the machine, products of matrices are 12 % faster without (alone, some 7 % slower).
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    });
    const resident: Record<string, Ort.Tensor> = {};
    if (weights !== undefined && !constant) {
      for (const { name, shape } of parameters) {
        resident[name] = new ort.Tensor("float32", weights.float32(name), shape as number[]);
      }
    }
    // Native code writes into arrays of ours; without them it would copy each output out of its own memory.
    // WebAssembly leaves such arrays unfilled, without an error, and a GPU copies anyway.
    const preallocate = provider === "cpu";
    return {
      async run(feeds, shapes) {
        try {
          return await run({ ort, session, resident, outputs }, feeds, preallocate ? shapes : []);
        } catch (error) {
          throw fromOrt((error as Error).message, device);
        }
      },
      release: () => session.release(),
    };
  } catch (error) {
    throw fromOrt((error as Error).message, device);
  }
}

interface Parts {
  ort: OrtModule["ort"];
  session: Ort.InferenceSession;
  resident: Record<string, Ort.Tensor>;
  outputs: readonly ValueSpec[];
}

async function run(
  { ort, session, resident, outputs }: Parts,
  feeds: Record<string, HostTensor>,
  shapes: readonly (number[] | undefined)[],
): Promise<Record<string, HostTensor>> {
  const inputs = { ...resident };
  for (const [name, { data, shape }] of Object.entries(feeds)) inputs[name] = tensor(ort, data, shape);

  const fetches: Record<string, Ort.Tensor | null> = {};
  const own = new Map<string, HostTensor["data"]>();
  for (const [i, { name, dtype }] of outputs.entries()) {
    fetches[name] = null;
    const shape = shapes[i];
    if (shape === undefined) continue;
    const data = allocate(dtype, shape);
    own.set(name, data);
    fetches[name] = tensor(ort, data, shape);
  }
  const results = await session.run(inputs, fetches);
  const values: Record<string, HostTensor> = {};
  for (const { name } of outputs) {
    const result = results[name]!;
    // Memory of ONNX Runtime cannot be handed to another thread: copied.
    const data = own.get(name) ?? (result.data as HostTensor["data"]).slice();
    values[name] = { data, shape: result.dims };
  }
  return values;
}

function tensor(ort: OrtModule["ort"], data: HostTensor["data"], shape: readonly number[]): Ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor("float32", data, shape);
  if (data instanceof BigInt64Array) return new ort.Tensor("int64", data, shape);
  return new ort.Tensor("bool", data, shape);
}

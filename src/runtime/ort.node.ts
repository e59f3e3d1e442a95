import type * as Ort from "onnxruntime-node";
import type { ValueSpec } from "../graph/onnx.ts";
import { weightsAsConstants } from "./constant-weights.ts";
import { fromOrt } from "./ort-error.ts";
import { allocate, type Device, type HostTensor } from "./session.ts";
import type { Weights } from "./weights.ts";

/** A session of ONNX Runtime in this thread. */
export interface NativeSession {
  /** Blocks the thread while it computes. `shapes`: of the outputs, where they are known beforehand. */
  run(
    feeds: Record<string, HostTensor>,
    shapes: readonly (number[] | undefined)[],
  ): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

export interface NativeOptions {
  bytes: Uint8Array;
  parameters: readonly ValueSpec[];
  outputs: readonly ValueSpec[];
  device: Device;
  threads: number;
  weights?: Weights;
  constantWeights: boolean;
}

/** @throws SkySenseError `DEVICE_UNAVAILABLE` | `OUT_OF_MEMORY` */
export async function createNativeSession(options: NativeOptions): Promise<NativeSession> {
  const { device, parameters, outputs, weights } = options;
  try {
    // Imported late: on a system without a binary, this fails with a message instead of ending the thread.
    const ort = await import("onnxruntime-node");
    ort.env.logLevel = "fatal"; // what goes wrong comes as an error; it need not be printed too
    const constant = options.constantWeights && weights !== undefined;
    const model = constant ? weightsAsConstants(options.bytes, weights) : { bytes: options.bytes, externalData: [] };
    const session = await ort.InferenceSession.create(model.bytes, {
      executionProviders: [device],
      graphOptimizationLevel: "all",
      intraOpNumThreads: options.threads,
      logSeverityLevel: 4,
      externalData: model.externalData,
      // Threads that go on spinning after a run take the cores from other sessions and from decoding.
      extra: { session: { force_spinning_stop: "1" } },
    });
    const resident: Record<string, Ort.Tensor> = {};
    if (weights !== undefined && !constant) {
      for (const { name, shape } of parameters) {
        resident[name] = new ort.Tensor("float32", weights.float32(name), shape as number[]);
      }
    }
    return {
      run: (feeds, shapes) => run({ ort, session, resident, outputs, device }, feeds, shapes),
      release: () => session.release(),
    };
  } catch (error) {
    throw fromOrt((error as Error).message, device);
  }
}

interface Parts {
  ort: typeof Ort;
  session: Ort.InferenceSession;
  resident: Record<string, Ort.Tensor>;
  outputs: readonly ValueSpec[];
  device: Device;
}

async function run(
  { ort, session, resident, outputs, device }: Parts,
  feeds: Record<string, HostTensor>,
  shapes: readonly (number[] | undefined)[],
): Promise<Record<string, HostTensor>> {
  const inputs = { ...resident };
  for (const [name, { data, shape }] of Object.entries(feeds)) inputs[name] = tensor(ort, data, shape);

  // On the CPU outputs are written into our arrays; otherwise each would be copied out of ONNX Runtime's memory.
  const fetches: Record<string, Ort.Tensor | null> = {};
  const own = new Map<string, HostTensor["data"]>();
  for (const [i, { name, dtype }] of outputs.entries()) {
    const shape = device === "cpu" ? shapes[i] : undefined;
    fetches[name] = null;
    if (shape === undefined) continue;
    const data = allocate(dtype, shape);
    own.set(name, data);
    fetches[name] = tensor(ort, data, shape);
  }
  let results: Ort.InferenceSession.OnnxValueMapType;
  try {
    results = await session.run(inputs, fetches);
  } catch (error) {
    throw fromOrt((error as Error).message, device);
  }
  const values: Record<string, HostTensor> = {};
  for (const { name } of outputs) {
    const result = results[name]!;
    // Memory of ONNX Runtime cannot be handed to another thread: copied.
    const data = own.get(name) ?? (result.data as HostTensor["data"]).slice();
    values[name] = { data, shape: result.dims };
  }
  return values;
}

function tensor(ort: typeof Ort, data: HostTensor["data"], shape: readonly number[]): Ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor("float32", data, shape);
  if (data instanceof BigInt64Array) return new ort.Tensor("int64", data, shape);
  return new ort.Tensor("bool", data, shape);
}

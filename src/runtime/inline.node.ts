import type * as Ort from "onnxruntime-node";
import type { OnnxGraph } from "../graph/onnx.ts";
import { loadOrt } from "./load-ort.node.ts";
import { fromOrt } from "./ort-error.ts";
import { allocate, bindFeeds, type Device, type HostTensor, resolveShape } from "./session.ts";

export interface InlineOptions {
  /** Arrays that the graph reads in place at every run, by the name of its input or parameter. */
  reads: Readonly<Record<string, HostTensor>>;
  /** Arrays that the graph writes in place at every run, by the name of its output. */
  writes: Readonly<Record<string, HostTensor>>;
  threads: number;
  /** Default: cpu. On a GPU, arrays are sent and fetched at every run. */
  device?: Device;
}

/** A compiled graph in this thread, bound to arrays of the caller. */
export interface InlineSession {
  /** Compute; the thread does nothing else meanwhile. Returns the outputs that were bound to no array. */
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

/**
 * Compile a graph for a process that does little but run it, as training does: no thread between, hence no copies.
 * Everything else uses `createRuntime`, which keeps the caller's thread free.
 *
 * @throws SkySenseError `DEVICE_UNAVAILABLE` | `OUT_OF_MEMORY`
 */
export async function inlineSession(
  { bytes, inputs, parameters, outputs }: OnnxGraph,
  { reads, writes, threads, device = "cpu" }: InlineOptions,
): Promise<InlineSession> {
  const { ort } = await loadOrt().catch((error: Error) => {
    throw fromOrt(error.message, device);
  });
  const failing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw fromOrt((error as Error).message, device);
    }
  };
  bindFeeds(parameters, reads);
  const session = await failing(() =>
    ort.InferenceSession.create(bytes, {
      executionProviders: [device],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      logSeverityLevel: 4,
      // Between runs the optimiser and the decoding threads want the cores.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    }),
  );
  const resident = tensors(ort, reads);
  // Only native code on the CPU writes into arrays of the caller.
  const bound = device === "cpu" ? tensors(ort, writes) : {};
  return {
    async run(feeds) {
      const sizes = bindFeeds(inputs, feeds);
      const fetches: Record<string, Ort.Tensor | null> = { ...bound };
      const fresh: Record<string, HostTensor> = {};
      for (const { name, dtype, shape } of outputs) {
        if (name in writes) {
          fetches[name] ??= null;
          continue;
        }
        const resolved = resolveShape(shape, sizes);
        if (resolved === undefined) throw new Error(`internal: the shape of "${name}" is not known before the run`);
        fresh[name] = { data: allocate(dtype, resolved), shape: resolved };
        fetches[name] = device === "cpu" ? tensor(ort, fresh[name]) : null;
      }
      const results = await failing(() => session.run({ ...resident, ...tensors(ort, feeds) }, fetches));
      if (device !== "cpu") {
        for (const [name, { data }] of Object.entries({ ...writes, ...fresh })) {
          (data as Float32Array).set(results[name]!.data as Float32Array);
        }
      }
      return fresh;
    },
    release: () => session.release(),
  };
}

function tensors(ort: { Tensor: typeof Ort.Tensor }, values: Readonly<Record<string, HostTensor>>) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tensor(ort, value)]));
}

function tensor(ort: { Tensor: typeof Ort.Tensor }, { data, shape }: HostTensor): Ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor("float32", data, shape);
  if (data instanceof BigInt64Array) return new ort.Tensor("int64", data, shape);
  return new ort.Tensor("bool", data, shape);
}

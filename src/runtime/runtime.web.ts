import type * as Ort from "onnxruntime-node";
import { createCompute } from "./compute.ts";
import type { Call, Calls, Compute, Method } from "./protocol.ts";
import { runtimeOn } from "./runtime.ts";
import type { Device, Runtime } from "./session.ts";
import { weightsFromTensors } from "./weights.ts";

/**
 * ONNX Runtime in a browser, in the thread that calls: WebAssembly blocks it while it computes, so call from a worker.
 * The device `cpu` is WebAssembly; `auto` is WebGPU where the browser has an adapter.
 *
 * @param options.ort  onnxruntime-web, imported by the page: `onnxruntime-web/webgpu` brings WebGPU, the plain one is
 *   smaller. The page also says where its `.wasm` files are (`ort.env.wasm.wasmPaths`) and how many threads it may use
 *   (`ort.env.wasm.numThreads`; more than one needs cross-origin isolation).
 */
export function createWebRuntime({
  ort,
  maxSessions = 8,
}: {
  ort: Pick<typeof Ort, "InferenceSession" | "Tensor">;
  maxSessions?: number;
}): Runtime {
  return runtimeOn({
    start: () => computeHere({ ort }),
    chooseDevice: async (): Promise<Device> => ((await hasWebgpu()) ? "webgpu" : "cpu"),
    threads: 1,
    maxSessions,
  });
}

async function hasWebgpu(): Promise<boolean> {
  const { gpu } = globalThis.navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  return Boolean(await gpu?.requestAdapter());
}

/** Calls one after the other in this thread. */
function computeHere({ ort }: { ort: Pick<typeof Ort, "InferenceSession" | "Tensor"> }): Compute {
  const perform = createCompute({
    loadOrt: async () => ({ ort, cpu: "wasm" }),
    openSource: (source) => {
      if ("file" in source) throw new Error(`internal: a browser has no file ${source.file}: fetch it, parse it`);
      return weightsFromTensors(source.tensors, { name: source.name });
    },
  });
  let last: Promise<unknown> = Promise.resolve();
  return {
    alive: true,
    call<M extends Method>(method: M, args: Calls[M]["args"], { signal }: { signal?: AbortSignal } = {}) {
      const result = last.then(() => {
        signal?.throwIfAborted();
        return perform({ method, args } as Call) as Promise<Calls[M]["result"]>;
      });
      last = result.catch(() => {});
      return result;
    },
    end: async () => {
      await last;
    },
  };
}

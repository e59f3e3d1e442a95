import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { webGpuEnv } from "../../test/support/webgpu.ts";
import { modulePath } from "../core/worker.node.ts";

const url = (module: `./${string}.ts`) => JSON.stringify(`file://${modulePath(import.meta.url, module)}`);

const program = `
  import { createRuntime } from ${url("./runtime.node.ts")};
  import { weightsFromTensors } from ${url("./weights.ts")};
  import { toOnnx } from ${url("./../graph/onnx.ts")};
  import { softmax } from ${url("./../graph/ops/softmax.ts")};
  import { matMul } from ${url("./../graph/ops/mat-mul.ts")};
  import { batchDim } from ${url("./../graph/shape.ts")};
  import { input, parameter } from ${url("./../graph/tensor.ts")};
  const graph = toOnnx({ y: softmax(matMul(input("x", [batchDim(), 16]), parameter("w", [16, 8])), { axis: -1 }) });
  const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i));
  const weights = weightsFromTensors(new Map([["w", { dtype: "F32", shape: [16, 8], data: wave(128) }]]));
  const runtime = createRuntime({ threads: 2 });
  const results = [];
  for (const device of ["cpu", "webgpu"]) {
    const session = await runtime.compile(graph, { device, weights });
    for (const batch of [2, 3]) {
      const { y } = await session.run({ x: { data: wave(16 * batch), shape: [batch, 16] } });
      results.push([...y.data]);
    }
  }
  await runtime.release();
  console.log(JSON.stringify(results));
`;

test.skipIf(webGpuEnv === undefined)(
  "runtime: WebGPU computes what the CPU computes, for two batch sizes",
  { timeout: 120_000 },
  async () => {
    const env = { ...process.env, ...webGpuEnv };
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { env });
    const [cpu2, cpu3, gpu2, gpu3] = JSON.parse(stdout) as number[][];
    expect(gpu2!.length).toBe(16);
    const difference = [...cpu2!, ...cpu3!].map((value, i) => Math.abs(value - [...gpu2!, ...gpu3!][i]!));
    expect(Math.max(...difference)).toBeLessThan(1e-5);
  },
);

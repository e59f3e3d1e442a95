import { type GemmShape, gemmGraph } from "../src/runtime/gemm-graph.ts";
import { createRuntime } from "../src/runtime/runtime.node.ts";
import type { Runtime } from "../src/runtime/session.ts";
import type { Run } from "./harness.ts";

/**
 * Bare matrix products of these shapes in a session of `runtime`: the denominator for blocks that consist of them.
 * GF/s of a run that took `ms` milliseconds is `flops / ms / 1e6`.
 */
export async function gemmRun(
  runtime: Runtime,
  shapes: readonly GemmShape[],
  { constantWeights = false } = {},
): Promise<{ run: Run; flops: number; release: () => Promise<void> }> {
  const { graph, weights, feeds, flops } = gemmGraph(shapes);
  const session = await runtime.compile(graph, { device: "cpu", weights, constantWeights });
  return { run: () => session.run(feeds), flops, release: session.release };
}

/** "784x1024x4096*2" or, with a batch, "64:196x64x196". */
function parseShape(text: string): GemmShape {
  const [, batch = "1", m, k, n, count = "1"] = /^(?:(\d+):)?(\d+)x(\d+)x(\d+)(?:\*(\d+))?$/.exec(text) ?? [];
  if (m === undefined) throw new Error(`"${text}" is no shape: write 784x1024x4096*2, or 64:196x64x196 with a batch`);
  return { batch: Number(batch), m: Number(m), k: Number(k), n: Number(n), count: Number(count) };
}

async function main(): Promise<void> {
  const given = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
  // The products of a ViT-L block on 4 × 196 tokens: query, key, value and projection, then the two of the FFN.
  const texts = given.length > 0 ? given : ["784x1024x1024*4", "784x1024x4096", "784x4096x1024"];
  const runtime = createRuntime();
  for (const text of [...texts, texts.join(" ")]) {
    const { run, flops, release } = await gemmRun(runtime, text.split(" ").map(parseShape));
    let ms = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 8; round++) {
      const start = performance.now();
      await run();
      ms = Math.min(ms, performance.now() - start);
    }
    console.log(
      `${text.padEnd(50)} ${ms.toFixed(1).padStart(9)} ms ${(flops / ms / 1e6).toFixed(0).padStart(5)} GF/s`,
    );
    await release();
  }
  await runtime.release();
}

if (import.meta.filename === process.argv[1]) await main();

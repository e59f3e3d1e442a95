import { gemmGraph } from "./gemm-graph.ts";
import { loadOrt } from "./load-ort.node.ts";
import { createOrtSession } from "./ort-session.ts";
import { bindFeeds, type Device, resolveShape } from "./session.ts";

/* Run as a program: `node probe.node.js DEVICE THREADS` prints how many milliseconds a run of matrix products takes. */

/** About 1 GF: a few milliseconds on a CPU, and small enough for a GPU that is emulated. */
const shapes = [{ m: 512, k: 512, n: 512, count: 4 }];

const [device, threads] = process.argv.slice(2) as [Device, string];
const { graph, weights, feeds } = gemmGraph(shapes);
const session = await createOrtSession(await loadOrt(), {
  ...graph,
  device,
  threads: Number(threads),
  weights,
  constantWeights: device !== "cpu",
});
const bindings = bindFeeds(graph.inputs, feeds);
const outputs = graph.outputs.map(({ shape }) => resolveShape(shape, bindings));
await session.run(feeds, outputs); // compiles shaders, fills caches
let fastest = Number.POSITIVE_INFINITY;
for (const begin = performance.now(); performance.now() - begin < 300; ) {
  const start = performance.now();
  await session.run(feeds, outputs);
  fastest = Math.min(fastest, performance.now() - start);
}
process.stdout.write(`${fastest}`);

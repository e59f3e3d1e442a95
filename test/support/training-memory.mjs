// @ts-nocheck: it imports the build, and shapes that are known here.
// Run as a process of its own: `node training-memory.mjs plain|recompute` prints the peak memory that three training
// steps of a ViT take, in bytes beyond what was taken before them, and the lengths of all gradients.
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { gradients } from "../../dist/graph/gradients.js";
import { toOnnx } from "../../dist/graph/onnx.js";
import { mul } from "../../dist/graph/ops/mul.js";
import { mean } from "../../dist/graph/ops/reduce.js";
import { constant, input } from "../../dist/graph/tensor.js";
import { topologicalOrder } from "../../dist/graph/walk.js";
import { bindParameters } from "../../dist/model/parameters.js";
import { presets } from "../../dist/model/presets.js";
import { initVit, vit } from "../../dist/model/vit.js";

const config = { ...presets.nano.s2.encoder, depth: 12, outputs: [11] };
const image = input("x", [8, 10, 28, 28]);
const training = { recompute: process.argv[2] === "recompute" };
const { x } = vit(bindParameters(initVit(config)), image, config, { training }).get(11);
const loss = mean(mul(x, x), { axes: [0, 1, 2] });
const leaves = topologicalOrder([loss]).flatMap((node) =>
  node.kind === "parameter" ? [{ ...node.value, node, output: 0 }] : [],
);
const found = gradients([{ of: loss, value: constant([1], []) }], leaves);
// In an order that would keep everything to the end, were outputs computed as they come.
const named = found.map((d, i) => [`grad.${leaves[i].node.name}`, d]).reverse();
const graph = toOnnx({ ...Object.fromEntries(named), loss });

const feeds = {};
for (const { name, shape } of [...graph.inputs, ...graph.parameters]) {
  const length = shape.reduce((n, extent) => n * extent, 1);
  const data = Float32Array.from({ length }, (_, i) => (((i * 7919) % 2003) / 1001 - 1) / 30);
  feeds[name] = new Tensor("float32", data, shape);
}
const session = await InferenceSession.create(graph.bytes, { intraOpNumThreads: 1 });
const status = (field) =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
const before = status("VmRSS");
let results = {};
for (let i = 0; i < 3; i++) results = await session.run(feeds);
const lengths = Object.entries(results).map(([name, { data }]) => [
  name,
  Math.sqrt(data.reduce((a, v) => a + v * v, 0)),
]);
console.log(JSON.stringify({ bytes: status("VmHWM") - before, lengths: Object.fromEntries(lengths.sort()) }));

import { rm } from "node:fs/promises";
import { createRandom } from "../dist/core/random.js";
import { openModel } from "../dist/embed/load-model.node.js";
import { resizeImage } from "../dist/graph/ops/resize.js";
import { batchDim } from "../dist/graph/shape.js";
import { input } from "../dist/graph/tensor.js";
import { conv, initConv } from "../dist/model/conv.js";
import { encode, encoderWidths, initEncoder } from "../dist/model/encoder.js";
import { bindParameters } from "../dist/model/parameters.js";
import { toImage } from "../dist/model/patch-embed.js";
import { meanSquaredError } from "../dist/train/losses/regression.js";
import { readMetrics } from "../dist/train/metrics-log.node.js";
import { tune } from "../dist/train/tune.node.js";

// The task: a head that makes a height of every pixel from the encoder's finest map, and a loss.
const { info, weights } = openModel("tiny", { seed: 0 });
const encoder = /** @type {const} */ ({ model: info.config, sensor: "hr", bands: [0, 1, 2] });
const tree = { ...initEncoder(encoder), head: initConv(encoderWidths(encoder)[0] ?? 0, 1, { kernel: 1 }) };
const p = /** @type {any} */ (bindParameters(tree));
const maps = encode(p, input("images", [batchDim(), 3, 64, 64]), encoder).map(toImage);
const heights = resizeImage(conv(p.head, /** @type {any} */ (maps[0])), [64, 64], { mode: "bilinear" });
const loss = meanSquaredError(heights, input("heights", [batchDim(), 1, 64, 64]));

/** The data: stands of 16 × 16 pixels, the higher the darker, in tens of metres. No two batches are alike. */
async function batch(/** @type {number} */ index) {
  const random = createRandom(1, "forests", index);
  const stands = Float32Array.from({ length: 4 * 16 }, () => 3 * random.uniform());
  const at = (/** @type {number} */ i) => 16 * (i >> 12) + 4 * ((i >> 10) & 3) + ((i >> 4) & 3);
  const truth = Float32Array.from({ length: 4 * 64 * 64 }, (_, i) => stands[at(i)] ?? 0);
  const shade = (/** @type {number} */ i) => truth[4096 * Math.floor(i / 12288) + (i % 4096)] ?? 0;
  const light = Float32Array.from({ length: 12288 * 4 }, (_, i) => 1.5 - shade(i) + 0.3 * random.normal());
  const feeds = { images: { data: light, shape: [4, 3, 64, 64] }, heights: { data: truth, shape: [4, 1, 64, 64] } };
  return { feeds, samples: 4, files: [`forests ${index}`] };
}

// The run, with the settings that every task has: frozen, lora or full; resumable; on any number of processes.
const settings = /** @type {const} */ ({ mode: "frozen", batchSize: 4, seed: 0, lr: 0.05 });
const base = { config: info.config, weights };
const out = "out/canopy-height";
await rm(out, { recursive: true, force: true });
await tune({ base, sensor: "hr", tree, graph: { loss }, data: { batch }, settings, steps: 80 }, { out });

// The loss of the last batches, none of which was seen before, against that of the mean height: the variance.
const losses = (await readMetrics(out)).slice(-10).map((row) => row.loss ?? 0);
console.log(losses.reduce((sum, x) => sum + x) / 10 < 0.5 * (3 ** 2 / 12) ? "learnt" : "not learnt");

/* prints
learnt
*/

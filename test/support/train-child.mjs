/**
 * Trains a small network from the build in dist/: a process that tests may kill.
 * `node train-child.mjs OUT STEPS`; prints a line a step.
 */
import { createRandom } from "../../dist/core/random.js";
import { add } from "../../dist/graph/ops/add.js";
import { mul } from "../../dist/graph/ops/mul.js";
import { relu } from "../../dist/graph/ops/relu.js";
import { sub } from "../../dist/graph/ops/sub.js";
import { batchDim } from "../../dist/graph/shape.js";
import { input, scalar } from "../../dist/graph/tensor.js";
import { initialise } from "../../dist/model/initialise.js";
import { initLinear, linear } from "../../dist/model/linear.js";
import { bindParameters, listParameters } from "../../dist/model/parameters.js";
import { meanSquaredError } from "../../dist/train/losses/regression.js";
import { train } from "../../dist/train/trainer.node.js";

const [out = "out/train-child", steps = "40"] = process.argv.slice(2);
const [inputs, hidden] = [64, 400];
const tree = {
  first: initLinear(inputs, hidden),
  second: initLinear(hidden, inputs),
  running_mean: { shape: [inputs], initial: { kind: "constant", value: 0 } },
};
const values = initialise(/** @type {any} */ (tree), { seed: 3 });
const parameters = listParameters(/** @type {any} */ (tree)).map(
  ([name, { shape }]) => /** @type {const} */ ([name, { shape, data: /** @type {any} */ (values.get(name)) }]),
);

/** @param {import("../../dist/core/random.js").Random} random @param {number[]} shape */
function normal(random, shape) {
  return { data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()), shape };
}

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort(new Error("interrupted")));
try {
  await train({
    out,
    parameters,
    trainable: (name) => name !== "running_mean",
    buildGraph() {
      const p = /** @type {any} */ (bindParameters(/** @type {any} */ (tree)));
      const x = input("x", [batchDim(), inputs]);
      const mask = input("mask", [batchDim(), hidden]);
      const y = linear(p.second, mul(relu(linear(p.first, sub(x, p.running_mean))), mask));
      const loss = meanSquaredError(y, input("y", [batchDim(), inputs]));
      return { loss, buffers: { running_mean: add(mul(p.running_mean, scalar(0.9)), scalar(0.01)) } };
    },
    data: {
      async batch(index) {
        const random = createRandom(7, "batch", index);
        const samples = 8 + random.integer(8);
        const x = normal(random, [samples, inputs]);
        const y = { shape: x.shape, data: x.data.map((_, i) => x.data[i - (i % 7)] ?? 0) };
        return { feeds: { x, y }, samples, files: [`batch ${index}`] };
      },
    },
    noise: ({ samples }, { random }) => ({
      mask: {
        data: Float32Array.from({ length: samples * hidden }, () => 1.25 * Number(random.uniform() < 0.8)),
        shape: [samples, hidden],
      },
    }),
    optimiser: { kind: "adamw", weightDecay: 0.01 },
    schedule: { kind: "cosine", lr: 1e-3, warmup: 5 },
    steps: Number(steps),
    seed: 1,
    clip: 1,
    accumulate: 2,
    average: 0.9,
    checkpoint: { every: 3, keep: 2 },
    config: { hidden },
    threads: 2,
    signal: interrupt.signal,
    onProgress: ({ done }) => console.log(done),
  });
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exitCode = interrupt.signal.aborted ? 130 : 2;
}

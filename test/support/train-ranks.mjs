/**
 * Trains a small network from the build in dist/, alone or under mpirun: `node train-ranks.mjs JOB OUT STEPS`, where
 * JOB is `separate` (a mean over samples) or `coupled` (InfoNCE over all samples of a step). Each rank takes its part of
 * the same batches; parts differ in size. Prints `rank pid` when it starts, and a line a step.
 */
import { createRandom } from "../../dist/core/random.js";
import { relu } from "../../dist/graph/ops/relu.js";
import { batchDim } from "../../dist/graph/shape.js";
import { input } from "../../dist/graph/tensor.js";
import { initialise } from "../../dist/model/initialise.js";
import { initLinear, linear } from "../../dist/model/linear.js";
import { bindParameters, listParameters } from "../../dist/model/parameters.js";
import { openMpi } from "../../dist/runtime/mpi.node.js";
import { infoNce } from "../../dist/train/losses/info-nce.js";
import { meanSquaredError } from "../../dist/train/losses/regression.js";
import { train } from "../../dist/train/trainer.node.js";

const [job = "separate", out = "out/train-ranks", steps = "12"] = process.argv.slice(2);
const mpi = openMpi({ timeoutMs: 60_000 });
const { rank, size } = mpi ?? { rank: 0, size: 1 };
console.log(`rank ${rank} pid ${process.pid}`);
const width = 48;
const tree = { first: initLinear(width, 96), second: initLinear(96, width) };
const values = initialise(/** @type {any} */ (tree), { seed: 3 });
const parameters = listParameters(/** @type {any} */ (tree)).map(
  ([name, { shape }]) => /** @type {const} */ ([name, { shape, data: /** @type {any} */ (values.get(name)) }]),
);

/** Row `i` of a data set that exists nowhere; `y` is `x` shifted and disturbed. @param {number} i */
function row(i) {
  const random = createRandom(7, "row", i);
  const x = Array.from({ length: width }, () => random.normal());
  return { x, y: x.map((_, k) => /** @type {number} */ (x[(k + 1) % width]) + 0.1 * random.normal()) };
}

/** Where the part of a rank begins in a batch of `samples`: larger parts for later ranks. @param {number} r */
const begin = (r, samples = 16) => Math.floor((samples * r * (r + 1)) / (size * (size + 1)));

try {
  await train({
    out,
    parameters,
    buildGraph(shapes) {
      const p = /** @type {any} */ (bindParameters(/** @type {any} */ (tree)));
      const count = job === "coupled" ? /** @type {any} */ (shapes.x)[0] : batchDim();
      const [x, y] = [input("x", [count, width]), input("y", [count, width])];
      const made = linear(p.second, relu(linear(p.first, x)));
      if (job === "separate") return { loss: meanSquaredError(made, y) };
      return {
        features: { made, y },
        couple: (/** @type {any} */ all) => ({ loss: infoNce(all.made, all.y, { temperature: 0.2 }) }),
      };
    },
    data: {
      async batch(index) {
        /** @type {ReturnType<typeof row>[]} */
        const rows = [];
        for (let i = begin(rank); i < begin(rank + 1); i++) rows.push(row(16 * index + i));
        /** @param {"x" | "y"} name */
        const feed = (name) => ({
          data: Float32Array.from(rows.flatMap((each) => each[name])),
          shape: [rows.length, width],
        });
        return { feeds: { x: feed("x"), y: feed("y") }, samples: rows.length, files: [`batch ${index}`] };
      },
    },
    optimiser: { kind: "sgd", momentum: 0.9, weightDecay: 0.01 },
    schedule: { kind: "cosine", lr: job === "coupled" ? 0.1 : 2, warmup: 2 },
    steps: Number(steps),
    seed: 1,
    clip: 2,
    average: 0.9,
    checkpoint: { every: 3, keep: 2 },
    config: { job },
    threads: 1,
    ...(mpi && { communicator: mpi, signal: mpi.lost }),
    onProgress: ({ done }) => console.log(`step ${done}`),
  });
  await mpi?.finalize();
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exit(2);
}

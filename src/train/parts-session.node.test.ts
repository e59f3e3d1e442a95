import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parametersOf, threadOfRanks } from "../../test/support/training-jobs.ts";
import { createRandom } from "../core/random.ts";
import { acrossProcesses } from "../graph/ops/across-processes.ts";
import { add } from "../graph/ops/add.ts";
import { mul } from "../graph/ops/mul.ts";
import { mean } from "../graph/ops/reduce.ts";
import { batchDim } from "../graph/shape.ts";
import { input, scalar } from "../graph/tensor.ts";
import { type BufferUpdates, convNorm, initConvNorm } from "../model/conv-norm.ts";
import { bindParameters } from "../model/parameters.ts";
import type { Batch, BatchSource } from "./batch.ts";
import { meanSquaredError } from "./losses/regression.ts";
import { splitGraph } from "./split-graph.ts";
import { type TrainResult, train } from "./trainer.node.ts";

const root = mkdtempSync(join(tmpdir(), "skysense-parts-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

test("splitGraph: parts end where something of all processes is needed, and what is exchanged at once is one exchange", () => {
  const x = input("x", [4]);
  const [one, two] = [acrossProcesses(x, "mean"), acrossProcesses(mul(x, x), "sum")];
  const last = acrossProcesses(mean(mul(one, two), { axes: [0] }), "sum");
  const parts = splitGraph({ early: add(x, x), late: mul(last, scalar(2)), middle: add(one, x) });
  expect(parts.map(({ exchanged }) => exchanged.map(({ how }) => how))).toEqual([["mean", "sum"], ["sum"], []]);
  const named = parts.map(({ graph }) =>
    [graph.inputs, graph.outputs].map((list) => list.map(({ name }) => name.replace(/\d+$/, "")).sort()),
  );
  expect(named).toEqual([
    [["x"], ["early", "part.", "part."]],
    [
      ["part.", "part.", "x"],
      ["middle", "part."],
    ],
    [["part."], ["late"]],
  ]);
});

const tree = { first: initConvNorm(2, 3, 3), second: initConvNorm(3, 2, 1) };
const isBuffer = (name: string) => /running/.test(name);

/** Samples [from, to) of a step; those of later ones are brighter, so that the parts of a batch differ. */
function samples(step: number, from: number, to: number): Batch {
  const values = (name: string) => {
    const data = new Float32Array((to - from) * 2 * 5 * 5);
    for (let i = 0; i < to - from; i++) {
      const random = createRandom(4, name, step, from + i);
      for (let p = 0; p < 50; p++) data[50 * i + p] = random.normal() + 0.4 * (from + i);
    }
    return { data, shape: [to - from, 2, 5, 5] };
  };
  return { feeds: { x: values("x"), y: values("y") }, samples: to - from, files: [] };
}

const job = {
  parameters: parametersOf(tree),
  trainable: (name: string) => !isBuffer(name),
  buildGraph() {
    const p = bindParameters(tree);
    const updates: BufferUpdates = new Map();
    const image = (name: string) => input(name, [batchDim(), 2, 5, 5]);
    const y = convNorm(p.second, convNorm(p.first, image("x"), { updates }), { updates });
    return { loss: meanSquaredError(y, image("y")), buffers: Object.fromEntries(updates) };
  },
  optimiser: { kind: "sgd", momentum: 0.9, weightDecay: 0 } as const,
  schedule: { kind: "constant", lr: 0.05 } as const,
  steps: 5,
  seed: 1,
  threads: 1,
  config: {},
};

const source = (from: number, to: number): BatchSource => ({ batch: async (step) => samples(step, from, to) });
const run = (data: BatchSource, more: object = {}): Promise<TrainResult> =>
  train({ ...job, data, out: join(root, `run-${folders++}`), ...more });

test.each([2, 4])("train: batch norms of %d processes are those of one batch, forward and backward", async (size) => {
  const whole = await run(source(0, 8));
  const each = 8 / size;
  const ranks = await Promise.all(
    threadOfRanks(size).map((communicator, rank) => run(source(rank * each, (rank + 1) * each), { communicator })),
  );
  for (const name of whole.weights.entries.keys()) {
    const expected = whole.weights.float32(name);
    for (const { weights } of ranks) {
      for (const [i, value] of weights.float32(name).entries()) expect(value, name).toBeCloseTo(expected[i]!, 5);
    }
  }
  // Without the exchange they would be others.
  const apart = await run(source(0, each));
  expect(apart.weights.float32("first.bn.running_mean")[0]).not.toBeCloseTo(
    whole.weights.float32("first.bn.running_mean")[0]!,
    2,
  );
});
